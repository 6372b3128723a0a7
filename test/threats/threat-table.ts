import { readFileSync } from 'node:fs';

/** One named test. */
export interface Proof {
  readonly file: string;
  readonly title: string;
}

/** A row of the table of threats in docs/security.md. */
export interface Threat {
  readonly threat: string;
  readonly answer: string;
  /** The file that holds the defence. */
  readonly file: string;
  readonly proofs: readonly Proof[];
  /** The last column as it is written. */
  readonly spelledProofs: string;
}

/** The rows, in their order. */
export function threats(): readonly Threat[] {
  return readFileSync('docs/security.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| threat'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
    .map(([threat = '', answer = '', file = '', spelledProofs = '']) => ({
      threat,
      answer,
      file,
      spelledProofs,
      proofs: [...spelledProofs.matchAll(/(\S+): `([^`]+)`(?:<br>|$)/g)].map(
        ([, proof = '', title = '']) => ({ file: proof, title }),
      ),
    }));
}

/** The last column as its proofs would be written. */
export function spelled(proofs: readonly Proof[]): string {
  return proofs.map(({ file, title }) => `${file}: \`${title}\``).join('<br>');
}
