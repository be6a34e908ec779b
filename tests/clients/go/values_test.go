// Every type of attribute comes back as it went: in DynamoDB's notation, and by the SDK's converter.

package clients

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestAllTenTypesComeBackInDynamoDBsNotation(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk B, sk N")
	list := func(values ...types.AttributeValue) types.AttributeValue {
		return &types.AttributeValueMemberL{Value: append([]types.AttributeValue{}, values...)}
	}
	object := func(values item) types.AttributeValue { return &types.AttributeValueMemberM{Value: values} }
	var everyByte []byte
	for b := range 256 {
		everyByte = append(everyByte, byte(b))
	}
	key := item{"pk": &types.AttributeValueMemberB{Value: []byte{0, 255, 128}}, "sk": N("-0.5")}
	stored := item{
		"pk":           key["pk"],
		"sk":           key["sk"],
		"string":       S("Grüße, 世界 🪨\x00\t\"\\<&>"),
		"empty string": S(""),
		"digits":       N("12345678901234567890123456789012345678"),
		"negative":     N("-0.00000000000000000000000000000000000001234"),
		"largest":      N(strings.Repeat("9", 38) + strings.Repeat("0", 88)),
		"binary":       &types.AttributeValueMemberB{Value: everyByte},
		"empty binary": &types.AttributeValueMemberB{Value: []byte{}},
		"strings":      &types.AttributeValueMemberSS{Value: []string{"a", "b", "ü"}},
		"numbers":      &types.AttributeValueMemberNS{Value: []string{"-1", "0", "3.14"}},
		"binaries":     &types.AttributeValueMemberBS{Value: [][]byte{{0}, {1, 2}}},
		"map":          object(item{"nested": object(item{"list": list(object(item{}), list())}), "a.b c": S("")}),
		"list":         list(S("x"), N("1"), &types.AttributeValueMemberBOOL{Value: false}),
		"yes":          &types.AttributeValueMemberBOOL{Value: true},
		"no":           &types.AttributeValueMemberBOOL{Value: false},
		"nothing":      &types.AttributeValueMemberNULL{Value: true},
	}
	put(t, client, table, stored)
	found := get(t, client, table, key)
	slices.Sort(found["strings"].(*types.AttributeValueMemberSS).Value)
	slices.Sort(found["numbers"].(*types.AttributeValueMemberNS).Value)
	slices.SortFunc(found["binaries"].(*types.AttributeValueMemberBS).Value, slices.Compare)
	equal(t, found, stored)
}

// lesson has a field for each kind of value that the converter knows.
type lesson struct {
	Course  string                `dynamodbav:"course"`
	Number  int                   `dynamodbav:"lesson"`
	Exact   attributevalue.Number `dynamodbav:"exact"`
	Price   float64               `dynamodbav:"price"`
	Tags    []string              `dynamodbav:"tags,stringset"`
	Rooms   []int                 `dynamodbav:"rooms,numberset"`
	Photo   []byte                `dynamodbav:"photo"`
	Done    bool                  `dynamodbav:"done"`
	Teacher *teacher              `dynamodbav:"teacher"`
	Nobody  *teacher              `dynamodbav:"nobody"`
	Notes   map[string][]string   `dynamodbav:"notes"`
	Begin   time.Time             `dynamodbav:"begin"`
	Until   time.Time             `dynamodbav:"until,unixtime"`
	Untold  string                `dynamodbav:"untold,omitempty"`
}

type teacher struct {
	Name  string
	Email string
}

func TestAStructThatIsMarshalledIsTheStructThatIsUnmarshalled(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "course S, lesson N")
	stored := lesson{
		Course:  "go",
		Number:  7,
		Exact:   "12345678901234567890123456789012345678",
		Price:   -12.5,
		Tags:    []string{"a", "b"},
		Rooms:   []int{1, 2},
		Photo:   []byte{1, 2, 3},
		Done:    true,
		Teacher: &teacher{Name: "Rob"},
		Notes:   map[string][]string{"first": {"", "x"}},
		Begin:   time.Date(2026, 5, 4, 3, 2, 1, 987_654_321, time.UTC),
		Until:   time.Unix(4_000_000_000, 0),
	}
	put(t, client, table, must(attributevalue.MarshalMap(stored))(t))
	found := get(t, client, table, item{"course": S("go"), "lesson": N("7")})
	if _, told := found["untold"]; told {
		t.Fatal("an empty field was stored that was to be left out")
	}
	var read lesson
	if err := attributevalue.UnmarshalMap(found, &read); err != nil {
		t.Fatal(err)
	}
	slices.Sort(read.Tags)
	slices.Sort(read.Rooms)
	equal(t, read, stored)
}
