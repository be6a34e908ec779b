// What is read a page at a time: nothing is lost and nothing comes twice.

package clients

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// page is the sort keys that one page holds, and how many items were read for it.
type page struct {
	numbers []string
	scanned int32
}

func pageOf(items []item, scanned int32) page {
	p := page{scanned: scanned}
	for _, it := range items {
		p.numbers = append(p.numbers, it["sk"].(*types.AttributeValueMemberN).Value)
	}
	return p
}

func queryPages(t *testing.T, client *dynamodb.Client, request *dynamodb.QueryInput) (pages []page) {
	t.Helper()
	request.KeyConditionExpression = aws.String("pk = :p")
	request.ExpressionAttributeValues = item{":p": S("p")}
	for paginator := dynamodb.NewQueryPaginator(client, request); paginator.HasMorePages(); {
		answer := must(paginator.NextPage(t.Context()))(t)
		pages = append(pages, pageOf(answer.Items, answer.ScannedCount))
	}
	return pages
}

func scanPages(t *testing.T, client *dynamodb.Client, request *dynamodb.ScanInput) (pages []page) {
	t.Helper()
	for paginator := dynamodb.NewScanPaginator(client, request); paginator.HasMorePages(); {
		answer := must(paginator.NextPage(t.Context()))(t)
		pages = append(pages, pageOf(answer.Items, answer.ScannedCount))
	}
	return pages
}

func numbers(pages []page) (all []string) {
	for _, p := range pages {
		all = append(all, p.numbers...)
	}
	return all
}

func sizes(pages []page) (all []int32) {
	for _, p := range pages {
		all = append(all, p.scanned)
	}
	return all
}

// upTo is the numbers from 0 as DynamoDB writes them.
func upTo(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// tableOf makes a table with items of one partition, numbered from 0 by their sort key.
func tableOf(t *testing.T, client *dynamodb.Client, amount int, filling string) *string {
	t.Helper()
	table := createTable(t, "pk S, sk N")
	for _, n := range upTo(amount) {
		put(t, client, table, item{"pk": S("p"), "sk": N(n), "filling": S(filling)})
	}
	return table
}

func TestAPageEndsAtAMegabyteAndTheNextBeginsWhereItEnded(t *testing.T) {
	t.Parallel()
	client := newClient(t, func(o *dynamodb.Options) { o.RetryMaxAttempts = 10 })
	table := tableOf(t, client, 6, strings.Repeat("x", 300_000))
	for _, pages := range [][]page{
		queryPages(t, client, &dynamodb.QueryInput{TableName: table}),
		scanPages(t, client, &dynamodb.ScanInput{TableName: table}),
	} {
		equal(t, sizes(pages), []int32{4, 2})
		equal(t, numbers(pages), upTo(6))
	}
}

func TestAPageEndsAtItsLimitWhateverAFilterLeavesOfIt(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	table := tableOf(t, client, 23, "")
	backwards := queryPages(t, client, &dynamodb.QueryInput{
		TableName: table, Limit: aws.Int32(5), ScanIndexForward: aws.Bool(false),
	})
	expected := upTo(23)
	slices.Reverse(expected)
	equal(t, numbers(backwards), expected)
	equal(t, sizes(backwards), []int32{5, 5, 5, 5, 3})

	filtered := scanPages(t, client, &dynamodb.ScanInput{
		TableName:                 table,
		Limit:                     aws.Int32(4),
		FilterExpression:          aws.String("sk >= :n"),
		ExpressionAttributeValues: item{":n": N("18")},
	})
	equal(t, numbers(filtered), upTo(23)[18:])
	equal(t, sizes(filtered), []int32{4, 4, 4, 4, 4, 3})
}

func TestTheSegmentsOfAParallelScanMakeUpTheTable(t *testing.T) {
	t.Parallel()
	const segments = 4
	client, table := newClient(t), createTable(t, "sk N")
	expected := upTo(60)
	for _, n := range expected {
		put(t, client, table, item{"sk": N(n)})
	}
	var found [segments][]string
	var group sync.WaitGroup
	for segment := range segments {
		group.Go(func() {
			found[segment] = numbers(scanPages(t, client, &dynamodb.ScanInput{
				TableName:     table,
				Limit:         aws.Int32(5),
				Segment:       aws.Int32(int32(segment)),
				TotalSegments: aws.Int32(segments),
			}))
		})
	}
	group.Wait()
	for _, part := range found {
		if len(part) == len(expected) {
			t.Fatal("one segment is the whole table")
		}
	}
	all := slices.Concat(found[:]...)
	slices.Sort(all)
	slices.Sort(expected)
	equal(t, all, expected)
}

func TestTablesAreListedByNameAllOfThemOnce(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	var mine []string
	for range 5 {
		mine = append(mine, *createTable(t, "pk S"))
	}
	// Other tests make and delete tables meanwhile: what is listed is compared as far as it is of this one.
	var listed []string
	request := &dynamodb.ListTablesInput{Limit: aws.Int32(2)}
	for paginator := dynamodb.NewListTablesPaginator(client, request); paginator.HasMorePages(); {
		names := must(paginator.NextPage(t.Context()))(t).TableNames
		if len(names) > 2 {
			t.Fatalf("a page of %d tables", len(names))
		}
		listed = append(listed, names...)
	}
	slices.Sort(mine)
	equal(t, slices.IsSorted(listed), true)
	equal(t, slices.DeleteFunc(listed, func(name string) bool { return !slices.Contains(mine, name) }), mine)
}
