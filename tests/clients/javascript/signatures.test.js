// Who is known by a signature, and what becomes of one that is not right.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DynamoDBClient, DynamoDBServiceException, ListTablesCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import { createTable, credentials, failure } from "./support.js";

const user = credentials("AWS");
const session = {
  ...credentials("CAIRN_TEST_SESSION"),
  sessionToken: process.env.CAIRN_TEST_SESSION_TOKEN,
};
const MINUTE = 60_000;

/** Lists a table by other credentials, or with other settings, than those of the environment. */
const list = (settings) => new DynamoDBClient(settings).send(new ListTablesCommand({ Limit: 1 }));

/** Whoever is not known is told so at once, and the SDK does not try again. */
async function assertRefused(credentials, name, message) {
  const error = await failure(list({ credentials }), DynamoDBServiceException);
  assert.equal(error.name, name);
  assert.match(error.message, message);
  const { attempts, httpStatusCode } = error.$metadata;
  assert.deepEqual([error.$fault, httpStatusCode, attempts], ["client", 400, 1]);
}

const UNKNOWN = /^The security token included in the request is invalid\.$/;
const MISMATCH = /^The request signature we calculated does not match the signature you provided\./;

/** A signed URL for a listing of tables that stands for its signer for `expiresIn` seconds. */
async function presigned(credentials, { signingDate, expiresIn = 60 } = {}) {
  const endpoint = new URL(process.env.AWS_ENDPOINT_URL_DYNAMODB);
  const request = new HttpRequest({
    method: "POST",
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    port: Number(endpoint.port),
    path: "/",
    headers: {
      host: endpoint.host,
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "DynamoDB_20120810.ListTables",
    },
    body: JSON.stringify({ Limit: 1 }),
  });
  const signer = new SignatureV4({ credentials, region: "local", service: "dynamodb", sha256: Sha256 });
  // What names the operation stays a header, where the service looks for it.
  const unhoistableHeaders = new Set(["x-amz-target"]);
  const { query, headers, body } = await signer.presign(request, { signingDate, expiresIn, unhoistableHeaders });
  endpoint.search = new URLSearchParams(query);
  return [endpoint, { method: "POST", headers, body }];
}

test("a user is known by the key, and a session by its temporary credentials", async () => {
  for (const credentials of [user, session]) {
    assert.equal((await list({ credentials })).$metadata.httpStatusCode, 200);
  }
});

test("a wrong secret is no signature of the key's owner", async () => {
  await assertRefused({ ...user, secretAccessKey: `${user.secretAccessKey}x` }, "InvalidSignatureException", MISMATCH);
  await assertRefused({ ...session, secretAccessKey: user.secretAccessKey }, "InvalidSignatureException", MISMATCH);
});

test("a key that nobody has is not recognised", async () => {
  await assertRefused({ ...user, accessKeyId: "AKIAIOSFODNN7EXAMPLE" }, "UnrecognizedClientException", UNKNOWN);
});

test("a session without its token, or with another, is not recognised", async () => {
  const { sessionToken, ...withoutToken } = session;
  const other = sessionToken[100] === "A" ? "B" : "A";
  const damaged = { ...session, sessionToken: sessionToken.slice(0, 100) + other + sessionToken.slice(101) };
  for (const credentials of [withoutToken, damaged, { ...user, sessionToken }]) {
    await assertRefused(credentials, "UnrecognizedClientException", UNKNOWN);
  }
});

test("a reader may read and not write", async (t) => {
  const TableName = await createTable(t, "pk S");
  const reader = new DynamoDBClient({ credentials: credentials("CAIRN_TEST_READER") });
  await reader.send(new ListTablesCommand({}));
  const write = reader.send(new PutItemCommand({ TableName, Item: { pk: { S: "a" } } }));
  const error = await failure(write, DynamoDBServiceException);
  assert.equal(error.name, "AccessDeniedException");
  assert.match(error.message, /^User: arn:aws:iam::\d{12}:user\/\S+ is not authorized to perform: dynamodb:PutItem on/);
  assert.match(error.message, new RegExp(`:table/${TableName} because no identity-based policy allows`));
});

test("a clock that is wrong is refused, and the SDK sets it by the server's and succeeds", async (t) => {
  const truth = Date.now();
  for (const [skew, message] of [
    [-20 * MINUTE, /^Signature expired: \d{8}T\d{6}Z is now earlier than /],
    [20 * MINUTE, /^Signature not yet current: \d{8}T\d{6}Z is still later than /],
  ]) {
    t.mock.timers.enable({ apis: ["Date"], now: truth + skew });
    const uncorrected = list({ credentials: user, disableClockSkewCorrection: true, maxAttempts: 1 });
    const error = await failure(uncorrected, DynamoDBServiceException);
    assert.equal(error.name, "InvalidSignatureException");
    assert.match(error.message, message);

    const { $metadata } = await list({ credentials: user });
    assert.deepEqual([$metadata.httpStatusCode, $metadata.attempts], [200, 2]);
    t.mock.timers.reset();
  }
});

test("a presigned URL stands for its signer as long as it says", async () => {
  for (const credentials of [user, session]) {
    const answer = await fetch(...(await presigned(credentials)));
    assert.equal(answer.status, 200);
    assert.ok(Array.isArray((await answer.json()).TableNames));
  }
  // Signed longer ago than a signature in a header may be, and still in time.
  const signingDate = new Date(Date.now() - 20 * MINUTE);
  assert.equal((await fetch(...(await presigned(user, { signingDate, expiresIn: 3600 })))).status, 200);

  const late = await fetch(...(await presigned(user, { signingDate, expiresIn: 60 })));
  const refusal = await late.json();
  assert.equal(late.status, 400);
  assert.match(refusal.__type, /#InvalidSignatureException$/);
  assert.match(refusal.message, /^Signature expired: /);
});

test("the body is part of what is signed", async () => {
  const [url, request] = await presigned(user);
  const answer = await fetch(url, { ...request, body: JSON.stringify({ Limit: 2 }) });
  const refusal = await answer.json();
  assert.equal(answer.status, 400);
  assert.match(refusal.__type, /#InvalidSignatureException$/);
  assert.match(refusal.message, MISMATCH);
});

test("a request that nobody signed is told what it lacks", async () => {
  const [url, request] = await presigned(user);
  url.search = "";
  const answer = await fetch(url, request);
  const refusal = await answer.json();
  assert.equal(answer.status, 400);
  assert.match(refusal.__type, /#MissingAuthenticationTokenException$/);
  assert.equal(refusal.message, "Request is missing Authentication Token");
});
