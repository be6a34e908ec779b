//! The first part of the tour: entries of a course, which have their key in common and nothing else.

use super::notation::{
    Bind, Write, await_active, condition_failed, create_table, delete, describe_table, expect, found, get,
    item, n, nothing, put, refused, s, steps, table, update, written, wrote,
};
use super::tour::{Part, Step};
use cairn_api::v1::{ErrorReason, ReturnValues, ScalarAttributeType, TableStatus};
use cairn_model::AttributeMap;
use tonic::Code;

const COURSE: &str = "course";

pub(super) fn part() -> Part {
    Part {
        heading: "A course: entries without a schema",
        steps: [the_table(), the_entries(), an_update(), a_condition(), the_key_type(), a_deletion()]
            .concat(),
    }
}

fn id(number: i64) -> AttributeMap {
    item([("Id", n(number))])
}

fn amit() -> AttributeMap {
    item([("Id", n(1)), ("name", s("amit")), ("course", s("cloud"))])
}

fn india() -> AttributeMap {
    item([("Id", n(2)), ("qualification", s("BE")), ("Country", s("India"))])
}

fn andy() -> AttributeMap {
    item([("Id", n(3)), ("name", s("andy")), ("timing", s("morning"))])
}

fn lucee() -> AttributeMap {
    item([("Id", n(4)), ("name", s("lucee")), ("age", n(22))])
}

fn the_table() -> Vec<Step> {
    steps(
        "A table states its key and nothing else",
        [
            expect(
                create_table(COURSE, [("Id", ScalarAttributeType::Number)]),
                table(COURSE, TableStatus::Creating, 0),
            ),
            expect(await_active(COURSE), table(COURSE, TableStatus::Active, 0)),
        ],
    )
}

fn the_entries() -> Vec<Step> {
    steps(
        "Each entry has the attributes it needs, and is read back as it was put",
        [
            expect(put(COURSE, &amit()), written()),
            expect(get(COURSE, &id(1)), found(&amit())),
            expect(put(COURSE, &india()), written()),
            expect(get(COURSE, &id(2)), found(&india())),
            expect(put(COURSE, &andy()), written()),
            expect(get(COURSE, &id(3)), found(&andy())),
            expect(put(COURSE, &lucee()), written()),
            expect(get(COURSE, &id(4)), found(&lucee())),
        ],
    )
}

fn an_update() -> Vec<Step> {
    let moved = item([("Id", n(3)), ("name", s("andy")), ("course", s("cloud")), ("visits", n(1))]);
    steps(
        "An update sets and removes attributes in place, and can answer with the entry as it is now",
        [
            expect(
                update(
                    COURSE,
                    &id(3),
                    "SET course = :course, visits = if_not_exists(visits, :none) + :one REMOVE timing",
                )
                .value(":course", &s("cloud"))
                .value(":none", &n(0))
                .value(":one", &n(1))
                .returning(ReturnValues::AllNew),
                wrote(&moved),
            ),
            expect(get(COURSE, &id(3)), found(&moved)),
        ],
    )
}

fn a_condition() -> Vec<Step> {
    let other = item([("Id", n(1)), ("name", s("someone else"))]);
    steps(
        "A put on condition that there is no such entry: refused, with the entry that there is",
        [
            expect(
                put(COURSE, &other).only_if("attribute_not_exists(Id)").showing_failure(),
                condition_failed(Some(&amit())),
            ),
            expect(get(COURSE, &id(1)), found(&amit())),
        ],
    )
}

fn the_key_type() -> Vec<Step> {
    let text_key = item([("Id", s("five")), ("name", s("eve"))]);
    steps(
        "The key is a number, and text is refused in its place",
        [expect(put(COURSE, &text_key), refused(Code::InvalidArgument, ErrorReason::Validation))],
    )
}

fn a_deletion() -> Vec<Step> {
    steps(
        "A deleted entry is not found, and deleting it again does nothing",
        [
            expect(delete(COURSE, &id(4)).returning(ReturnValues::AllOld), wrote(&lucee())),
            expect(get(COURSE, &id(4)), nothing()),
            expect(delete(COURSE, &id(4)), written()),
            expect(describe_table(COURSE), table(COURSE, TableStatus::Active, 3)),
        ],
    )
}
