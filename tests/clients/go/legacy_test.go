// The parameters from before there were expressions, which the SDK still sends.

package clients

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestExpectedAttributeUpdatesKeyConditionsAndFiltersMeanWhatTheyAlwaysDid(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S, sk N")
	entry := func(sk, n string) item { return item{"pk": S("p"), "sk": N(sk), "n": N(n)} }
	condition := func(operator types.ComparisonOperator, values ...types.AttributeValue) types.Condition {
		return types.Condition{ComparisonOperator: operator, AttributeValueList: values}
	}
	insert := func(it item) error {
		absent := map[string]types.ExpectedAttributeValue{"pk": {Exists: aws.Bool(false)}}
		request := &dynamodb.PutItemInput{TableName: table, Item: it, Expected: absent}
		_, err := client.PutItem(t.Context(), request)
		return err
	}
	for _, it := range []item{entry("1", "10"), entry("2", "20"), entry("3", "30")} {
		if err := insert(it); err != nil {
			t.Fatal(err)
		}
	}
	failure[*types.ConditionalCheckFailedException](t, insert(entry("1", "0")))

	updated := must(client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: table,
		Key:       item{"pk": S("p"), "sk": N("3")},
		AttributeUpdates: map[string]types.AttributeValueUpdate{
			"n": {Action: types.AttributeActionAdd, Value: N("5")},
		},
		Expected: map[string]types.ExpectedAttributeValue{
			"n": {ComparisonOperator: types.ComparisonOperatorGe, AttributeValueList: []types.AttributeValue{N("30")}},
		},
		ReturnValues: types.ReturnValueAllNew,
	}))(t)
	equal(t, updated.Attributes, entry("3", "35"))

	queried := must(client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: table,
		KeyConditions: map[string]types.Condition{
			"pk": condition(types.ComparisonOperatorEq, S("p")),
			"sk": condition(types.ComparisonOperatorGt, N("1")),
		},
		QueryFilter:     map[string]types.Condition{"n": condition(types.ComparisonOperatorLt, N("35"))},
		AttributesToGet: []string{"n"},
	}))(t)
	equal(t, queried.Items, []item{{"n": N("20")}})
	equal(t, queried.ScannedCount, int32(2))
	scanned := must(client.Scan(t.Context(), &dynamodb.ScanInput{
		TableName:  table,
		ScanFilter: map[string]types.Condition{"n": condition(types.ComparisonOperatorIn, N("10"), N("35"))},
	}))(t)
	equal(t, scanned.Items, []item{entry("1", "10"), entry("3", "35")})
}
