import { fakeSignIn, signInContract } from '../../src/adapters/testing/testing.ts';

signInContract('of the fakes', () => ({
  signIn: fakeSignIn({ alice: 'wonderland' }),
  username: 'alice',
  password: 'wonderland',
}));
