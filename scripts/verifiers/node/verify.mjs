// Verifies an access token with jose and with jsonwebtoken, given nothing but the issuer's URL.
import { createRemoteJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import jwksClient from "jwks-rsa";

const { ALGORITHM, ISSUER, AUDIENCE, SUBJECT, TOKEN, FORGED } = process.env;

async function metadata() {
  const answer = await fetch(`${ISSUER}/.well-known/openid-configuration`);
  const found = await answer.json();
  if (found.issuer !== ISSUER) throw new Error(`the issuer is ${found.issuer}`);
  return found;
}

async function withJose(token) {
  const keys = createRemoteJWKSet(new URL((await metadata()).jwks_uri));
  const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: "at+jwt" });
  return payload.sub;
}

async function withJsonwebtoken(token) {
  const keys = jwksClient({ jwksUri: (await metadata()).jwks_uri });
  const key = (header, done) => keys.getSigningKey(header.kid, (error, found) => done(error, found?.getPublicKey()));
  const rules = { issuer: ISSUER, audience: AUDIENCE, algorithms: ["ES256", "RS256"] };
  return new Promise((resolve, reject) => {
    jsonwebtoken.verify(token, key, rules, (error, claims) => (error ? reject(error) : resolve(claims.sub)));
  });
}

async function check(name, verify) {
  const subject = await verify(TOKEN);
  if (subject !== SUBJECT) throw new Error(`${name}: sub is ${subject}`);
  if (await verify(FORGED).then(() => true, () => false)) throw new Error(`${name} accepts a forged token`);
  console.log(`    ${name}: accepted, and the forged one refused`);
}

await check("jose", withJose);
if (ALGORITHM === "EdDSA") {
  console.log("    jsonwebtoken: does not know EdDSA");
} else {
  await check("jsonwebtoken", withJsonwebtoken);
}
