// Writes that have a condition: what happens when it does not hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { client, createTable, failure } from "./support.js";

const Item = { pk: { S: "a" }, version: { N: "3" } };
const Key = { pk: Item.pk };

async function tableWithItem(t) {
  const TableName = await createTable(t, "pk S");
  await client.send(new PutItemCommand({ TableName, Item, ConditionExpression: "attribute_not_exists(pk)" }));
  return TableName;
}

test("a failed condition is an exception of its own, is not tried again, and changes nothing", async (t) => {
  const TableName = await tableWithItem(t);
  const outdated = {
    TableName,
    ConditionExpression: "version = :v",
    ExpressionAttributeValues: { ":v": { N: "2" } },
  };
  const writes = [
    new PutItemCommand({ ...outdated, Item: Key }),
    new DeleteItemCommand({ ...outdated, Key }),
    new UpdateItemCommand({ ...outdated, Key, UpdateExpression: "REMOVE version" }),
  ];
  for (const write of writes) {
    const error = await failure(client.send(write), ConditionalCheckFailedException);
    assert.equal(error.message, "The conditional request failed");
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.equal(error.$metadata.attempts, 1);
    assert.equal(error.Item, undefined);
  }
  assert.deepEqual((await client.send(new GetItemCommand({ TableName, Key }))).Item, Item);
});

test("a failed condition shows the item to those who ask for it", async (t) => {
  const TableName = await tableWithItem(t);
  const write = new PutItemCommand({
    TableName,
    Item: Key,
    ConditionExpression: "attribute_not_exists(pk)",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  const error = await failure(client.send(write), ConditionalCheckFailedException);
  assert.deepEqual(error.Item, Item);
});
