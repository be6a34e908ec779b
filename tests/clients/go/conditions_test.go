// Writes that have a condition: what happens when it does not hold.

package clients

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestAFailedConditionIsAnExceptionOfItsOwnAndChangesNothing(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	key, stored := item{"pk": S("a")}, item{"pk": S("a"), "version": N("3")}
	put(t, client, table, stored)
	condition := expression.Name("version").Equal(expression.Value(2))
	change := expression.Remove(expression.Name("version"))
	outdated := must(expression.NewBuilder().WithCondition(condition).Build())(t)
	update := must(expression.NewBuilder().WithCondition(condition).WithUpdate(change).Build())(t)

	_, putErr := client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName:                 table,
		Item:                      key,
		ConditionExpression:       outdated.Condition(),
		ExpressionAttributeNames:  outdated.Names(),
		ExpressionAttributeValues: outdated.Values(),
	})
	_, deleteErr := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName:                 table,
		Key:                       key,
		ConditionExpression:       outdated.Condition(),
		ExpressionAttributeNames:  outdated.Names(),
		ExpressionAttributeValues: outdated.Values(),
	})
	_, updateErr := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName:                 table,
		Key:                       key,
		UpdateExpression:          update.Update(),
		ConditionExpression:       update.Condition(),
		ExpressionAttributeNames:  update.Names(),
		ExpressionAttributeValues: update.Values(),
	})
	for _, err := range []error{putErr, deleteErr, updateErr} {
		refusal := failure[*types.ConditionalCheckFailedException](t, err)
		equal(t, refusal.ErrorMessage(), "The conditional request failed")
		equal(t, len(refusal.Item), 0)
	}
	equal(t, get(t, client, table, key), stored)
}

func TestAFailedConditionShowsTheItemToThoseWhoAskForIt(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	stored := item{"pk": S("a"), "version": N("3")}
	put(t, client, table, stored)
	_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName:                           table,
		Item:                                item{"pk": S("a")},
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	equal(t, failure[*types.ConditionalCheckFailedException](t, err).Item, stored)
}
