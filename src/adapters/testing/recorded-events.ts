import type { Events, GatewayEvent } from '../../application/events.ts';

/** Keeps every event. */
export interface RecordedEvents extends Events {
  /** All that happened, in its order. */
  readonly all: readonly GatewayEvent[];
  /** Those of one type. */
  of<Type extends GatewayEvent['type']>(
    type: Type,
  ): readonly Extract<GatewayEvent, { readonly type: Type }>[];
}

/** Makes an ear that forgets nothing. */
export function recordedEvents(): RecordedEvents {
  const all: GatewayEvent[] = [];
  return {
    all,
    emit: (event) => {
      all.push(event);
    },
    of: <Type extends GatewayEvent['type']>(type: Type) =>
      all.filter((event): event is Extract<GatewayEvent, { readonly type: Type }> => {
        return event.type === type;
      }),
  };
}
