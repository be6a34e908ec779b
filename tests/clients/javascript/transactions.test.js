// Transactions: all of it or nothing, and why nothing.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  GetItemCommand,
  IdempotentParameterMismatchException,
  PutItemCommand,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { client, createTable, failure } from "./support.js";

const key = (pk) => ({ pk: { S: pk } });
const item = (pk, n) => ({ ...key(pk), n: { N: `${n}` } });

async function tableWith(t, ...items) {
  const TableName = await createTable(t, "pk S");
  await Promise.all(items.map((Item) => client.send(new PutItemCommand({ TableName, Item }))));
  return TableName;
}

async function read(TableName, ...pks) {
  const TransactItems = pks.map((pk) => ({ Get: { TableName, Key: key(pk) } }));
  const { Responses } = await client.send(new TransactGetItemsCommand({ TransactItems }));
  return Responses.map(({ Item }) => Item);
}

test("a transaction puts, updates, deletes and checks as one, and is read as one", async (t) => {
  const TableName = await tableWith(t, item("update", 1), item("delete", 2), item("check", 3));
  await client.send(
    new TransactWriteItemsCommand({
      TransactItems: [
        { Put: { TableName, Item: item("put", 0) } },
        {
          Update: {
            TableName,
            Key: key("update"),
            UpdateExpression: "ADD n :one",
            ExpressionAttributeValues: { ":one": { N: "1" } },
          },
        },
        { Delete: { TableName, Key: key("delete") } },
        { ConditionCheck: { TableName, Key: key("check"), ConditionExpression: "attribute_exists(n)" } },
      ],
    }),
  );
  const found = await read(TableName, "put", "update", "delete", "check");
  assert.deepEqual(found, [item("put", 0), item("update", 2), undefined, item("check", 3)]);
});

test("a cancelled transaction has a reason for each action, in their order, and wrote nothing", async (t) => {
  const TableName = await tableWith(t, item("there", 1));
  const condition = { ConditionExpression: "n = :n", ExpressionAttributeValues: { ":n": { N: "9" } } };
  const write = new TransactWriteItemsCommand({
    TransactItems: [
      { Put: { TableName, Item: item("new", 0) } },
      {
        Put: {
          TableName,
          Item: item("there", 2),
          ...condition,
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        },
      },
      { ConditionCheck: { TableName, Key: key("nowhere"), ...condition } },
    ],
  });
  const error = await failure(client.send(write), TransactionCanceledException);
  const failed = { Code: "ConditionalCheckFailed", Message: "The conditional request failed" };
  assert.deepEqual(error.CancellationReasons, [{ Code: "None" }, { ...failed, Item: item("there", 1) }, failed]);
  assert.match(error.message, /\[None, ConditionalCheckFailed, ConditionalCheckFailed\]/);
  assert.equal(error.$metadata.attempts, 1);
  assert.deepEqual(await read(TableName, "new", "there"), [undefined, item("there", 1)]);
});

test("a token makes a repetition harmless, and is good for one request only", async (t) => {
  const TableName = await createTable(t, "pk S");
  const ClientRequestToken = randomUUID();
  const add = (n) =>
    client.send(
      new TransactWriteItemsCommand({
        ClientRequestToken,
        TransactItems: [
          {
            Update: {
              TableName,
              Key: key("a"),
              UpdateExpression: "ADD n :n",
              ExpressionAttributeValues: { ":n": { N: `${n}` } },
            },
          },
        ],
      }),
    );
  await add(5);
  await add(5);
  await failure(add(6), IdempotentParameterMismatchException);
  assert.deepEqual((await client.send(new GetItemCommand({ TableName, Key: key("a") }))).Item, item("a", 5));
});
