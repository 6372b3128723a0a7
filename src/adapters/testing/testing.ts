// biome-ignore-all lint/performance/noBarrelFile: the package entry `mcp-oauth-gateway/testing`.

/** What our own tests use, for embedders that bring ports of their own: fakes, real servers that misbehave, and the port contracts. */

export type { AuthorizationServerTraits, UpstreamClientEntry } from './authorization-core.ts';
export { authorizationServerOverHttpContract } from './authorization-server-over-http-contract.ts';
export { type ChunkQueue, chunkQueue } from './chunk-queue.ts';
export { countingRandom } from './counting-random.ts';
export {
  type FakeAuthorizationServer,
  type FakeAuthorizationServerOptions,
  fakeAuthorizationServer,
  githubTraits,
  usualTraits,
} from './fake-authorization-server.ts';
export {
  type FakeClientDocuments,
  fakeAssertion,
  fakeAssertions,
  fakeClientDocuments,
} from './fake-client-documents.ts';
export { type FakeResourceServer, fakeResourceServer } from './fake-resource-server.ts';
export { fakeSignIn } from './fake-sign-in.ts';
export { type Gate, gate } from './gate.ts';
export {
  githubHttpTraits,
  type HttpAuthorizationServer,
  type HttpAuthorizationServerOptions,
  type HttpAuthorizationServerTraits,
  startHttpAuthorizationServer,
} from './http-authorization-server.ts';
export type { HttpFault, HttpFaults } from './http-faults.ts';
export {
  type HttpResourceServer,
  type HttpResourceServerOptions,
  startHttpResourceServer,
} from './http-resource-server.ts';
export type { LoopbackServer } from './loopback-server.ts';
export {
  type AnswerBody,
  type AnswerOptions,
  bytesAnswer,
  challengeAnswer,
  emptyAnswer,
  eventStreamAnswer,
  jsonAnswer,
  type McpAnswer,
  messageEvent,
} from './mcp-answers.ts';
export type { ReceivedCall } from './mcp-sessions.ts';
export { type RecordedEvents, recordedEvents } from './recorded-events.ts';
export {
  type AnswerEnding,
  type RecordingSink,
  type RecordingSinkOptions,
  recordingSink,
} from './recording-sink.ts';
export {
  recordsContract,
  type StoreFeatures,
  type StoreSetup,
  type StoreUnderTest,
} from './records-contract.ts';
export type { ResourceServerOptions } from './resource-core.ts';
export { type SignInUnderTest, signInContract } from './sign-in-contract.ts';
export { type StandingClock, type StandingClockOptions, standingClock } from './standing-clock.ts';
export type { UpstreamAccess, UpstreamGrant } from './token-families.ts';
export type { TokenAnswerTraits } from './token-replies.ts';
export {
  type AuthorizationServerUnderTest,
  upstreamAuthorizationServerContract,
} from './upstream-authorization-server-contract.ts';
export {
  type ResourceServerUnderTest,
  resourceServerOverHttp,
  upstreamResourceServerContract,
} from './upstream-resource-server-contract.ts';
