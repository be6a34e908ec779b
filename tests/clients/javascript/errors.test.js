// What an answer says of itself, and errors as the SDK types them.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  DynamoDBServiceException,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  ResourceInUseException,
  ResourceNotFoundException,
} from "@aws-sdk/client-dynamodb";
import { client, createTable, definition, failure } from "./support.js";

const REQUEST_ID = /^[0-9A-Z]{52}$/;

test("a table that is not there is not found, by any call", async () => {
  const missing = { TableName: "javascript-missing" };
  const Key = { pk: { S: "a" } };
  for (const command of [
    new DescribeTableCommand(missing),
    new DeleteTableCommand(missing),
    new GetItemCommand({ ...missing, Key }),
    new PutItemCommand({ ...missing, Item: Key }),
  ]) {
    const error = await failure(client.send(command), ResourceNotFoundException);
    assert.equal(error.name, "ResourceNotFoundException");
    assert.match(error.message, /^Requested resource not found/);
    assert.deepEqual([error.$fault, error.$metadata.httpStatusCode, error.$metadata.attempts], ["client", 400, 1]);
  }
});

test("a table's name is used once", async (t) => {
  const TableName = await createTable(t, "pk S");
  const again = client.send(new CreateTableCommand(definition("pk S", { TableName })));
  const error = await failure(again, ResourceInUseException);
  assert.equal(error.message, `Table already exists: ${TableName}`);
});

test("what a request must not say is a ValidationException with the reason", async (t) => {
  const TableName = await createTable(t, "pk S");
  for (const [command, message] of [
    [
      new PutItemCommand({ TableName, Item: { pk: { N: "1" } } }),
      "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N",
    ],
    [
      new PutItemCommand({ TableName, Item: { pk: { S: "a" }, n: { N: "one" } } }),
      "1 validation error detected: The parameter cannot be converted to a numeric value: one",
    ],
    [new GetItemCommand({ TableName, Key: {} }), "The provided key element does not match the schema"],
    [
      new GetItemCommand({ TableName, Key: { pk: { S: "a" } }, ProjectionExpression: "a, name" }),
      "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name",
    ],
  ]) {
    const error = await failure(client.send(command), DynamoDBServiceException);
    assert.deepEqual([error.name, error.message], ["ValidationException", message]);
    assert.match(error.$metadata.requestId, REQUEST_ID);
  }
});

test("a request of more than 16 MB is told that it is too large", async () => {
  const Item = { pk: { S: "a" }, filling: { S: "x".repeat(20 * 1024 * 1024) } };
  const write = client.send(new PutItemCommand({ TableName: "javascript-missing", Item }));
  const error = await failure(write, DynamoDBServiceException);
  assert.deepEqual([error.name, error.$metadata.httpStatusCode], ["RequestEntityTooLargeException", 413]);
  assert.equal(error.$metadata.attempts, 1);
});

test("an answer has an id, and a checksum of its body", async () => {
  const observed = [];
  const observing = new DynamoDBClient({});
  observing.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const body = Buffer.concat(await result.response.body.toArray());
      observed.push({ headers: result.response.headers, body });
      result.response.body = Readable.from([body]);
      return result;
    },
    // Next to the connection: the bytes are as they came.
    { step: "deserialize", priority: "low", name: "observe" },
  );
  const { $metadata } = await observing.send(new ListTablesCommand({}));
  assert.match($metadata.requestId, REQUEST_ID);
  const missing = new DescribeTableCommand({ TableName: "javascript-missing" });
  await failure(observing.send(missing), ResourceNotFoundException);
  assert.equal(observed.length, 2);
  for (const { headers, body } of observed) {
    assert.equal(headers["x-amz-crc32"], `${crc32(body)}`);
    assert.match(headers["x-amzn-requestid"], REQUEST_ID);
    assert.equal(headers["content-type"], "application/x-amz-json-1.0");
  }
  assert.notEqual(observed[0].headers["x-amzn-requestid"], observed[1].headers["x-amzn-requestid"]);
});
