// Transactions: all of it or nothing, and why nothing.

package clients

import (
	"crypto/rand"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// numbered is an item with a number.
func numbered(pk, n string) item { return item{"pk": S(pk), "n": N(n)} }

// read is what a transaction finds by these keys, in their order.
func read(t *testing.T, client *dynamodb.Client, table *string, pks ...string) (found []item) {
	t.Helper()
	request := &dynamodb.TransactGetItemsInput{}
	for _, pk := range pks {
		get := &types.Get{TableName: table, Key: item{"pk": S(pk)}}
		request.TransactItems = append(request.TransactItems, types.TransactGetItem{Get: get})
	}
	for _, response := range must(client.TransactGetItems(t.Context(), request))(t).Responses {
		found = append(found, response.Item)
	}
	return found
}

func TestATransactionPutsUpdatesDeletesAndChecksAsOneAndIsReadAsOne(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	put(t, client, table, numbered("update", "1"), numbered("delete", "2"), numbered("check", "3"))
	must(client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: table, Item: numbered("put", "0")}},
			{Update: &types.Update{
				TableName:                 table,
				Key:                       item{"pk": S("update")},
				UpdateExpression:          aws.String("ADD n :one"),
				ExpressionAttributeValues: item{":one": N("1")},
			}},
			{Delete: &types.Delete{TableName: table, Key: item{"pk": S("delete")}}},
			{ConditionCheck: &types.ConditionCheck{
				TableName:           table,
				Key:                 item{"pk": S("check")},
				ConditionExpression: aws.String("attribute_exists(n)"),
			}},
		},
	}))(t)
	found := read(t, client, table, "put", "update", "delete", "check")
	equal(t, found, []item{numbered("put", "0"), numbered("update", "2"), nil, numbered("check", "3")})
}

func TestACancelledTransactionHasAReasonForEachActionInTheirOrderAndWroteNothing(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	put(t, client, table, numbered("there", "1"))
	_, err := client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: table, Item: numbered("new", "0")}},
			{Put: &types.Put{
				TableName:                           table,
				Item:                                numbered("there", "2"),
				ConditionExpression:                 aws.String("n = :n"),
				ExpressionAttributeValues:           item{":n": N("9")},
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}},
			{ConditionCheck: &types.ConditionCheck{
				TableName:           table,
				Key:                 item{"pk": S("nowhere")},
				ConditionExpression: aws.String("attribute_exists(n)"),
			}},
		},
	})
	refusal := failure[*types.TransactionCanceledException](t, err)
	contains(t, refusal.ErrorMessage(), "[None, ConditionalCheckFailed, ConditionalCheckFailed]")
	code, text := aws.String("ConditionalCheckFailed"), aws.String("The conditional request failed")
	equal(t, refusal.CancellationReasons, []types.CancellationReason{
		{Code: aws.String("None")},
		{Code: code, Message: text, Item: numbered("there", "1")},
		{Code: code, Message: text},
	})
	equal(t, read(t, client, table, "new", "there"), []item{nil, numbered("there", "1")})
}

func TestATokenMakesARepetitionHarmlessAndIsGoodForOneRequestOnly(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	token := aws.String(rand.Text())
	add := func(n string) error {
		_, err := client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
			ClientRequestToken: token,
			TransactItems: []types.TransactWriteItem{{Update: &types.Update{
				TableName:                 table,
				Key:                       item{"pk": S("a")},
				UpdateExpression:          aws.String("ADD n :n"),
				ExpressionAttributeValues: item{":n": N(n)},
			}}},
		})
		return err
	}
	for range 2 {
		if err := add("5"); err != nil {
			t.Fatal(err)
		}
	}
	failure[*types.IdempotentParameterMismatchException](t, add("6"))
	equal(t, get(t, client, table, item{"pk": S("a")}), numbered("a", "5"))
}
