//! The third part of the tour: a game with players and their scores.

use super::notation::{
    Bind, Write, await_active, condition_failed, create_table, describe_table, expect, found, get, indexed,
    item, list, map, n, page, put, query_descending, refused, s, steps, strings, table, update, with_index,
    written, wrote,
};
use super::tour::{Part, Step};
use cairn_api::v1::{ErrorReason, QueryRequest, ReturnValues, ScalarAttributeType, TableStatus};
use cairn_model::AttributeMap;
use tonic::Code;

const PLAYERS: &str = "players";
const SCORES: &str = "scores";
/// The index of the scores by game and points.
const LEADERBOARD: &str = "leaderboard";

pub(super) fn part() -> Part {
    Part {
        heading: "A game: players and their scores",
        steps: [
            the_tables(),
            a_player(),
            a_purchase(),
            a_newcomer(),
            the_scores(),
            the_leaderboard(),
            the_plays(),
            the_counts(),
        ]
        .concat(),
    }
}

fn player(name: &str) -> AttributeMap {
    item([("player", s(name))])
}

fn score(player: &str, game: &str, points: i64) -> AttributeMap {
    item([("player", s(player)), ("game", s(game)), ("points", n(points))])
}

fn the_tables() -> Vec<Step> {
    let text = ScalarAttributeType::String;
    steps(
        "Players by name; scores by player and game, and in an index by game and points",
        [
            expect(create_table(PLAYERS, [("player", text)]), table(PLAYERS, TableStatus::Creating, 0)),
            expect(
                indexed(
                    create_table(SCORES, [("player", text), ("game", text)]),
                    LEADERBOARD,
                    [("game", text), ("points", ScalarAttributeType::Number)],
                ),
                with_index(table(SCORES, TableStatus::Creating, 0), LEADERBOARD),
            ),
            expect(await_active(PLAYERS), table(PLAYERS, TableStatus::Active, 0)),
            expect(await_active(SCORES), with_index(table(SCORES, TableStatus::Active, 0), LEADERBOARD)),
        ],
    )
}

fn a_player() -> Vec<Step> {
    let ada = item([
        ("player", s("ada")),
        ("level", n(7)),
        ("bag", map([("gold", n(120)), ("potions", n(1))])),
        ("badges", list([s("first win")])),
        ("friends", strings(["bob", "cleo"])),
    ]);
    steps(
        "A player carries a bag: a map inside the item",
        [expect(put(PLAYERS, &ada), written()), expect(get(PLAYERS, &player("ada")), found(&ada))],
    )
}

fn a_purchase() -> Vec<Step> {
    let buy = |potions: i64, price: i64| {
        update(
            PLAYERS,
            &player("ada"),
            "SET bag.gold = bag.gold - :price, bag.potions = bag.potions + :potions, badges[1] = :badge",
        )
        .only_if("bag.gold >= :price")
        .value(":price", &n(price))
        .value(":potions", &n(potions))
        .value(":badge", &s("customer"))
        .returning(ReturnValues::AllNew)
    };
    let after = item([
        ("player", s("ada")),
        ("level", n(7)),
        ("bag", map([("gold", n(20)), ("potions", n(3))])),
        ("badges", list([s("first win"), s("customer")])),
        ("friends", strings(["bob", "cleo"])),
    ]);
    steps(
        "One update pays and receives, or neither",
        [
            expect(buy(2, 100), wrote(&after)),
            expect(buy(1, 50), condition_failed(None)),
            expect(
                update(PLAYERS, &player("ada"), "SET armour.helmet = :helmet").value(":helmet", &s("iron")),
                refused(Code::FailedPrecondition, ErrorReason::Validation),
            ),
            expect(get(PLAYERS, &player("ada")), found(&after)),
        ],
    )
}

fn a_newcomer() -> Vec<Step> {
    let cleo = item([("player", s("cleo")), ("level", n(1)), ("wins", n(1))]);
    steps(
        "An update of an item that is not there makes it; a reserved word needs a placeholder",
        [
            expect(
                update(PLAYERS, &player("cleo"), "SET level = :first ADD wins :one")
                    .value(":first", &n(1))
                    .value(":one", &n(1)),
                refused(Code::InvalidArgument, ErrorReason::Validation),
            ),
            expect(
                update(PLAYERS, &player("cleo"), "SET #level = :first ADD wins :one")
                    .name("#level", "level")
                    .value(":first", &n(1))
                    .value(":one", &n(1))
                    .returning(ReturnValues::AllNew),
                wrote(&cleo),
            ),
        ],
    )
}

fn the_scores() -> Vec<Step> {
    let new_best = |points: i64| {
        put(SCORES, &score("ada", "maze", points))
            .only_if("attribute_not_exists(points) OR points < :points")
            .value(":points", &n(points))
            .returning(ReturnValues::AllOld)
    };
    let key = item([("player", s("ada")), ("game", s("maze"))]);
    steps(
        "A score is kept only if it beats the one before",
        [
            expect(new_best(1_200), written()),
            expect(new_best(900), condition_failed(None)),
            expect(new_best(1_750), wrote(&score("ada", "maze", 1_200))),
            expect(get(SCORES, &key), found(&score("ada", "maze", 1_750))),
            expect(put(SCORES, &score("ada", "rally", 310)), written()),
            expect(put(SCORES, &score("cleo", "maze", 1_400)), written()),
        ],
    )
}

/// The best scores of a game, the highest first.
fn top(game: &str) -> QueryRequest {
    query_descending(SCORES, LEADERBOARD, "game = :game").value(":game", &s(game))
}

fn the_leaderboard() -> Vec<Step> {
    let maze = [score("ada", "maze", 1_750), score("cleo", "maze", 1_400), score("bob", "maze", 980)];
    let [first, second, _] = maze.clone();
    steps(
        "A leaderboard: a game's scores in the order of their points, from the index",
        [
            expect(put(SCORES, &score("bob", "maze", 980)), written()),
            expect(top("maze"), page(maze, false)),
            expect(QueryRequest { limit: Some(2), ..top("maze") }, page([first, second], true)),
        ],
    )
}

fn the_plays() -> Vec<Step> {
    let rally = |player: &str| item([("player", s(player)), ("game", s("rally"))]);
    let play = |player: &str| {
        update(SCORES, &rally(player), "ADD plays :one")
            .value(":one", &n(1))
            .returning(ReturnValues::UpdatedNew)
    };
    let played = |times| wrote(&item([("plays", n(times))]));
    steps(
        "Plays are counted where the count is kept; who has no points yet is not on the leaderboard",
        [
            expect(play("ada"), played(1)),
            expect(play("ada"), played(2)),
            expect(play("cleo"), played(1)),
            expect(top("rally"), page([score("ada", "rally", 310)], false)),
        ],
    )
}

fn the_counts() -> Vec<Step> {
    steps(
        "A table counts its items",
        [
            expect(describe_table(PLAYERS), table(PLAYERS, TableStatus::Active, 2)),
            expect(describe_table(SCORES), with_index(table(SCORES, TableStatus::Active, 5), LEADERBOARD)),
        ],
    )
}
