// Every type of attribute comes back as it went: in DynamoDB's notation, by the converter, and by the document client.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, NumberValue, PutCommand } from "@aws-sdk/lib-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { client, createTable } from "./support.js";

const bytes = (...values) => Uint8Array.from(values);

test("in DynamoDB's notation, all ten types and their borders", async (t) => {
  const TableName = await createTable(t, "pk B, sk N");
  const Key = { pk: { B: bytes(0, 255, 128) }, sk: { N: "-0.5" } };
  const Item = {
    ...Key,
    string: { S: "Grüße, 世界 🪨\u0000\t\"\\" },
    emptyString: { S: "" },
    digits: { N: "12345678901234567890123456789012345678" },
    negative: { N: "-0.00000000000000000000000000000000000001234" },
    largest: { N: "9".repeat(38) + "0".repeat(88) },
    binary: { B: bytes(...Array(256).keys()) },
    emptyBinary: { B: bytes() },
    strings: { SS: ["a", "b", "ü"] },
    numbers: { NS: ["-1", "0", "3.14"] },
    binaries: { BS: [bytes(0), bytes(1, 2)] },
    map: { M: { nested: { M: { deeper: { L: [{ M: {} }, { L: [] }] } } }, "a.b c": { NULL: true } } },
    list: { L: [{ S: "x" }, { N: "1" }, { BOOL: false }, { SS: ["s"] }] },
    yes: { BOOL: true },
    no: { BOOL: false },
    nothing: { NULL: true },
  };
  await client.send(new PutItemCommand({ TableName, Item }));
  const read = (await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;
  for (const set of ["SS", "NS", "BS"]) {
    for (const attribute of Object.values(read)) attribute[set]?.sort();
  }
  read.numbers.NS.sort((a, b) => a - b);
  assert.deepEqual(read, Item);
});

test("by the converter, an object that is marshalled is the object that is unmarshalled", async (t) => {
  const TableName = await createTable(t, "pk S");
  const object = {
    pk: "an object",
    count: 42,
    exact: 9007199254740993n,
    price: -12.5,
    tags: new Set(["a", "b"]),
    sizes: new Set([1, 2]),
    hashes: new Set([bytes(1), bytes(2)]),
    photo: bytes(1, 2, 3),
    address: { street: "", lines: ["one", null, { two: true }] },
  };
  await client.send(new PutItemCommand({ TableName, Item: marshall(object) }));
  const { Item } = await client.send(new GetItemCommand({ TableName, Key: marshall({ pk: object.pk }) }));
  assert.deepEqual(unmarshall(Item), object);
});

test("by the document client, numbers keep every digit", async (t) => {
  const TableName = await createTable(t, "pk S");
  const documents = DynamoDBDocumentClient.from(client, { unmarshallOptions: { wrapNumbers: true } });
  const digits = ["12345678901234567890123456789012345678", "-1.0000000000000000000000000000000000001", "7"];
  const Item = { pk: "numbers", numbers: digits.map((value) => NumberValue.from(value)) };
  await documents.send(new PutCommand({ TableName, Item }));
  const answer = await documents.send(new GetCommand({ TableName, Key: { pk: "numbers" } }));
  assert.deepEqual(
    answer.Item.numbers.map((number) => number.value),
    digits,
  );
});
