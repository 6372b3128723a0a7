import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { SignIn } from '../../application/ports.ts';

/** A sign-in to be judged, and somebody whom it knows. */
export interface SignInUnderTest {
  readonly signIn: SignIn;
  readonly username: string;
  readonly password: string;
}

/** What every {@link SignIn} must show. */
export function signInContract(
  name: string,
  make: () => SignInUnderTest | Promise<SignInUnderTest>,
): void {
  describe(`the sign-in ${name}`, () => {
    let tested: SignInUnderTest;
    before(async () => {
      tested = await make();
    });
    const verify = (username: string, password: string) => tested.signIn.verify(username, password);

    it('knows a user by name and password, as the same subject each time', async () => {
      const { username, password } = tested;

      const subject = await verify(username, password);

      assert.ok(subject);
      assert.equal(await verify(username, password), subject);
    });

    it('answers a wrong password and an unknown name alike', async () => {
      const { username, password } = tested;

      assert.equal(await verify(username, `${password}x`), undefined);
      assert.equal(await verify(`${username}x`, password), undefined);
    });

    it('takes neither nothing nor a part for a password', async () => {
      const { username, password } = tested;

      assert.equal(await verify(username, ''), undefined);
      assert.equal(await verify(username, password.slice(0, -1)), undefined);
      assert.equal(await verify('', ''), undefined);
      assert.equal(await verify('', password), undefined);
    });

    it('has an answer for whatever a stranger types', async () => {
      const { username } = tested;

      for (const typed of ['__proto__', 'a\u0000b', '😀'.repeat(100), 'x'.repeat(100_000)]) {
        assert.equal(await verify(typed, typed), undefined);
        assert.equal(await verify(username, typed), undefined);
      }
    });

    it('keeps apart those who sign in at the same time', async () => {
      const { username, password } = tested;

      const answers = await Promise.all([
        verify(username, password),
        verify(username, `${password}x`),
        verify(username, password),
      ]);

      assert.equal(answers[0], answers[2]);
      assert.ok(answers[0]);
      assert.equal(answers[1], undefined);
    });
  });
}
