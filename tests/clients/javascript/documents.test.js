// The document client: every operation on items, in JavaScript's own values.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocument,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { client, createTable, documents, failure } from "./support.js";

test("an item is put, read, updated and deleted", async (t) => {
  const TableName = await createTable(t, "pk S, sk N");
  const Key = { pk: "ada", sk: 1 };
  const Item = { ...Key, tags: new Set(["x", "y"]), nested: { list: [1, "two", null] }, left: undefined };
  await documents.send(new PutCommand({ TableName, Item }));
  const { left, ...stored } = Item;
  assert.deepEqual((await documents.send(new GetCommand({ TableName, Key }))).Item, stored);

  const updated = await documents.send(
    new UpdateCommand({
      TableName,
      Key,
      UpdateExpression: "SET nested.#l[0] = :v DELETE tags :gone",
      ExpressionAttributeNames: { "#l": "list" },
      ExpressionAttributeValues: { ":v": { now: "a map" }, ":gone": new Set(["x"]) },
      ReturnValues: "ALL_NEW",
    }),
  );
  const changed = { ...Key, tags: new Set(["y"]), nested: { list: [{ now: "a map" }, "two", null] } };
  assert.deepEqual(updated.Attributes, changed);

  const refused = new DeleteCommand({ TableName, Key, ConditionExpression: "attribute_not_exists(tags)" });
  await failure(documents.send(refused), ConditionalCheckFailedException);
  const deleted = await documents.send(new DeleteCommand({ TableName, Key, ReturnValues: "ALL_OLD" }));
  assert.deepEqual(deleted.Attributes, changed);
});

test("items are written, read, queried and scanned many at a time", async (t) => {
  const TableName = await createTable(t, "pk S, sk N");
  const items = [1, 2, 3, 4].map((sk) => ({ pk: "p", sk, even: sk % 2 === 0 }));
  const puts = items.map((Item) => ({ PutRequest: { Item } }));
  await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));

  const Keys = [{ pk: "p", sk: 2 }];
  const batch = await documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys } } }));
  assert.deepEqual(batch.Responses[TableName], [items[1]]);
  const query = await documents.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: "pk = :p AND sk BETWEEN :low AND :high",
      ExpressionAttributeValues: { ":p": "p", ":low": 2, ":high": 3 },
      ScanIndexForward: false,
    }),
  );
  assert.deepEqual(query.Items, [items[2], items[1]]);
  const scan = await documents.send(
    new ScanCommand({ TableName, FilterExpression: "even = :yes", ExpressionAttributeValues: { ":yes": true } }),
  );
  assert.deepEqual([scan.Items, scan.ScannedCount], [[items[1], items[3]], 4]);
});

test("a transaction is written and read", async (t) => {
  const TableName = await createTable(t, "pk S");
  await documents.send(
    new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName, Item: { pk: "a", n: 1 } } },
        {
          Update: {
            TableName,
            Key: { pk: "b" },
            UpdateExpression: "SET n = :n",
            ExpressionAttributeValues: { ":n": 2 },
          },
        },
      ],
    }),
  );
  const read = await documents.send(
    new TransactGetCommand({
      TransactItems: ["a", "b", "missing"].map((pk) => ({ Get: { TableName, Key: { pk } } })),
    }),
  );
  assert.deepEqual(
    read.Responses.map(({ Item }) => Item),
    [{ pk: "a", n: 1 }, { pk: "b", n: 2 }, undefined],
  );
});

test("the full document client has the same as methods", async (t) => {
  const TableName = await createTable(t, "pk S");
  const document = DynamoDBDocument.from(client);
  await document.put({ TableName, Item: { pk: "a", list: [true] } });
  assert.deepEqual((await document.get({ TableName, Key: { pk: "a" } })).Item, { pk: "a", list: [true] });
});
