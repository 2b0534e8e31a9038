// Every flow of the gateway by oauth4webapi, then two by openid-client. A line of JSON goes out for each login that a
// browser must do and the redirect comes back on the standard input; the last line says what was obtained.
import { createInterface } from "node:readline";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const given = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const insecure = { [oauth.allowInsecureRequests]: true };
const done = [];

async function browser(url) {
  console.log(JSON.stringify({ login: url.href }));
  return new URL((await lines.next()).value);
}

function check(name, holds) {
  if (!holds) throw new Error(`${name} failed`);
  done.push(name);
}

/** Calls with a proof, and once more when the answer asks for a nonce. */
async function withNonce(call) {
  try {
    return await call();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return call();
  }
}

const issuer = new URL(given.issuer);
const as = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
);
check("discovery", as.issuer === given.issuer);
const api = await oauth.processResourceDiscoveryResponse(issuer, await oauth.resourceDiscoveryRequest(issuer, insecure));
check("resource metadata", api.authorization_servers[0] === given.issuer);
const me = new URL("/v1/me", issuer);

async function clientCredentials(client, auth, options = {}) {
  const parameters = new URLSearchParams({ scope: "payments:read", resource: given.issuer });
  const ask = async () =>
    oauth.processClientCredentialsResponse(
      as,
      client,
      await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, { ...insecure, ...options }),
    );
  return withNonce(ask);
}

async function introspected(client, auth, token) {
  const answer = await oauth.introspectionRequest(as, client, auth, token, insecure);
  return oauth.processIntrospectionResponse(as, client, answer);
}

async function key(jwk, alg) {
  const algorithm = alg === "ES256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "Ed25519" };
  return { key: await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]), kid: jwk.kid };
}

const server = { client_id: given.server.client_id };
for (const [name, auth] of [
  ["client_secret_basic", oauth.ClientSecretBasic(given.server.client_secret)],
  ["client_secret_post", oauth.ClientSecretPost(given.server.client_secret)],
]) {
  const tokens = await clientCredentials(server, auth);
  const answer = await oauth.protectedResourceRequest(tokens.access_token, "GET", me, null, null, insecure);
  check(name, tokens.token_type === "bearer" && answer.status === 200);
}

const keyed = { client_id: given.keyed.client_id };
const assertion = oauth.PrivateKeyJwt(await key(given.keyed.jwk, given.keyed.alg));
const dpopKeys = await oauth.generateKeyPair("ES256", { extractable: false });
const proof = oauth.DPoP(keyed, dpopKeys);
const bound = await clientCredentials(keyed, assertion, { DPoP: proof });
check("private_key_jwt with DPoP and nonce", bound.token_type === "dpop");
const call = (method) =>
  withNonce(() =>
    oauth.protectedResourceRequest(bound.access_token, method, me, null, null, { ...insecure, DPoP: proof }),
  );
check("API call with DPoP", (await call("GET")).status === 200);
const said = await introspected(keyed, assertion, bound.access_token);
check("introspection", said.active && said.cnf.jkt === (await proof.calculateThumbprint()));
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, keyed, assertion, bound.access_token, insecure),
);
check("revocation", !(await introspected(keyed, assertion, bound.access_token)).active);

const portal = { client_id: given.portal.client_id };
const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const portalProof = oauth.DPoP(portal, await oauth.generateKeyPair("Ed25519", { extractable: false }));
const withProof = { ...insecure, DPoP: portalProof };
const pushed = await withNonce(async () =>
  oauth.processPushedAuthorizationResponse(
    as,
    portal,
    await oauth.pushedAuthorizationRequest(
      as,
      portal,
      oauth.None(),
      new URLSearchParams({
        response_type: "code",
        redirect_uri: given.portal.redirect_uri,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
      }),
      withProof,
    ),
  ),
);
const address = new URL(as.authorization_endpoint);
address.searchParams.set("client_id", portal.client_id);
address.searchParams.set("request_uri", pushed.request_uri);
const back = oauth.validateAuthResponse(as, portal, await browser(address), state);
const tokens = await withNonce(async () =>
  oauth.processAuthorizationCodeResponse(
    as,
    portal,
    await oauth.authorizationCodeGrantRequest(
      as, portal, oauth.None(), back, given.portal.redirect_uri, verifier, withProof,
    ),
  ),
);
check("code with PKCE, PAR, iss and DPoP", tokens.token_type === "dpop");
const refreshed = await withNonce(async () =>
  oauth.processRefreshTokenResponse(
    as,
    portal,
    await oauth.refreshTokenGrantRequest(as, portal, oauth.None(), tokens.refresh_token, withProof),
  ),
);
check("refresh with DPoP", refreshed.refresh_token !== tokens.refresh_token);
const person = await withNonce(() =>
  oauth.protectedResourceRequest(refreshed.access_token, "GET", me, null, null, withProof),
);
check("API call of a person", person.status === 200);
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, portal, oauth.None(), refreshed.refresh_token, insecure),
);
let ended = false;
try {
  await withNonce(async () =>
    oauth.processRefreshTokenResponse(
      as,
      portal,
      await oauth.refreshTokenGrantRequest(as, portal, oauth.None(), refreshed.refresh_token, withProof),
    ),
  );
} catch (error) {
  ended = error.error === "invalid_grant";
}
check("a revoked login does not refresh", ended);

const options = { algorithm: "oauth2", execute: [openid.allowInsecureRequests] };
const config = await openid.discovery(
  issuer,
  keyed.client_id,
  undefined,
  openid.PrivateKeyJwt(await key(given.keyed.jwk, given.keyed.alg)),
  options,
);
const handle = openid.getDPoPHandle(config, dpopKeys);
const granted = await openid.clientCredentialsGrant(config, { scope: "payments:read" }, { DPoP: handle });
const fetched = await openid.fetchProtectedResource(config, granted.access_token, me, "GET", null, null, {
  DPoP: handle,
});
check("openid-client: private_key_jwt and DPoP", granted.token_type === "dpop" && fetched.status === 200);

const web = await openid.discovery(issuer, portal.client_id, undefined, openid.None(), options);
const secondVerifier = openid.randomPKCECodeVerifier();
const secondState = openid.randomState();
const pushedAddress = await openid.buildAuthorizationUrlWithPAR(web, {
  redirect_uri: given.portal.redirect_uri,
  code_challenge: await openid.calculatePKCECodeChallenge(secondVerifier),
  code_challenge_method: "S256",
  state: secondState,
});
const exchanged = await openid.authorizationCodeGrant(web, await browser(pushedAddress), {
  pkceCodeVerifier: secondVerifier,
  expectedState: secondState,
});
check("openid-client: code with PKCE and PAR", exchanged.token_type === "bearer");

console.log(JSON.stringify({ done }));
process.exit(0);
