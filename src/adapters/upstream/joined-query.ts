/**
 * Puts the query of a call behind that of the upstream's URL. What the operator has set there stays as it is set: of the client's parameters
 * those with the same name are left out, in whatever spelling, since of two with one name each server takes another. All else crosses
 * byte for byte.
 */
export function queryJoiner(own: string): (query: string) => string {
  if (own === '') return (query) => query;
  const set = new Set(own.slice(1).split('&').map(parameterName));
  return (query) => {
    if (query === '') return own;
    const others = query.slice(1).split('&');
    return [own, ...others.filter((each) => !set.has(parameterName(each)))].join('&');
  };
}

/** Case counts for some servers and not for others. */
function parameterName(parameter: string): string {
  const [name = ''] = new URLSearchParams(`&${parameter}`).keys(); // a leading question mark would be taken off
  return name.toLowerCase();
}
