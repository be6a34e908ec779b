// What hangs on a table: time to live, tags, and a policy of its own.

package clients

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

func TestAnItemWhoseTimeHasComeExpiresAndOthersStay(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	status := func() types.TimeToLiveStatus {
		request := &dynamodb.DescribeTimeToLiveInput{TableName: table}
		return must(client.DescribeTimeToLive(t.Context(), request))(t).TimeToLiveDescription.TimeToLiveStatus
	}
	equal(t, status(), types.TimeToLiveStatusDisabled)
	specification := &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)}
	request := &dynamodb.UpdateTimeToLiveInput{TableName: table, TimeToLiveSpecification: specification}
	equal(t, must(client.UpdateTimeToLive(t.Context(), request))(t).TimeToLiveSpecification, specification)
	eventually(t, "time to live is on", func() bool { return status() == types.TimeToLiveStatusEnabled })

	at := func(distance time.Duration) types.AttributeValue {
		return N(strconv.FormatInt(time.Now().Add(distance).Unix(), 10))
	}
	put(t, client, table, item{"pk": S("stays"), "until": at(time.Hour)}, item{"pk": S("goes"), "until": at(-time.Minute)})
	eventually(t, "the item expires", func() bool { return get(t, client, table, item{"pk": S("goes")}) == nil })
	if get(t, client, table, item{"pk": S("stays")}) == nil {
		t.Fatal("an item expired before its time")
	}
}

func TestTagsArePutOnATableToldAndTakenOff(t *testing.T) {
	t.Parallel()
	tag := func(key, value string) types.Tag { return types.Tag{Key: aws.String(key), Value: aws.String(value)} }
	client := newClient(t)
	table := createTable(t, "pk S", func(request *dynamodb.CreateTableInput) {
		request.Tags = []types.Tag{tag("team", "engines")}
	})
	arn := awaitTable(t, client, table).TableArn
	tags := func() map[string]string {
		found := map[string]string{}
		request := &dynamodb.ListTagsOfResourceInput{ResourceArn: arn}
		for _, tag := range must(client.ListTagsOfResource(t.Context(), request))(t).Tags {
			found[*tag.Key] = *tag.Value
		}
		return found
	}
	equal(t, tags(), map[string]string{"team": "engines"})
	must(client.TagResource(t.Context(), &dynamodb.TagResourceInput{
		ResourceArn: arn,
		Tags:        []types.Tag{tag("team", "wings"), tag("stage", "")},
	}))(t)
	equal(t, tags(), map[string]string{"team": "wings", "stage": ""})
	must(client.UntagResource(t.Context(), &dynamodb.UntagResourceInput{
		ResourceArn: arn,
		TagKeys:     []string{"team"},
	}))(t)
	equal(t, tags(), map[string]string{"stage": ""})
}

func TestATablesOwnPolicyLetsInWhoCouldNotWriteBeforeUntilItIsDeleted(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	reader := newClient(t, by(keyOf("CAIRN_TEST_READER")))
	arn := awaitTable(t, client, table).TableArn
	write := &dynamodb.PutItemInput{TableName: table, Item: item{"pk": S("a")}}
	denied := func() {
		t.Helper()
		_, err := reader.PutItem(t.Context(), write)
		equal(t, failure[smithy.APIError](t, err).ErrorCode(), "AccessDeniedException")
	}
	told := &dynamodb.GetResourcePolicyInput{ResourceArn: arn}
	_, err := client.GetResourcePolicy(t.Context(), told)
	failure[*types.PolicyNotFoundException](t, err)
	denied()

	policy := string(must(json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": map[string]any{
			"Effect": "Allow", "Principal": "*", "Action": "dynamodb:PutItem", "Resource": arn,
		},
	}))(t))
	stored := must(client.PutResourcePolicy(t.Context(), &dynamodb.PutResourcePolicyInput{
		ResourceArn: arn,
		Policy:      aws.String(policy),
	}))(t)
	found := must(client.GetResourcePolicy(t.Context(), told))(t)
	equal(t, *found.Policy, policy)
	equal(t, *found.RevisionId, *stored.RevisionId)
	must(reader.PutItem(t.Context(), write))(t)

	must(client.DeleteResourcePolicy(t.Context(), &dynamodb.DeleteResourcePolicyInput{
		ResourceArn:        arn,
		ExpectedRevisionId: stored.RevisionId,
	}))(t)
	denied()
}
