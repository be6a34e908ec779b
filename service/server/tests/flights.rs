//! The check with a year of flights, on some hundred that look like them.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use cairn_api::v1::{DeleteItemRequest, PutItemRequest, item_service_client::ItemServiceClient};
use cairn_flights::{Error, Options, PARTITION_KEY, SORT_KEY};
use cairn_model::{AttributeMap, AttributeValue, EncodedValue};
use cairn_server_process::ServerProcess;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const FLIGHTS: usize = 400;

/// Flights of two days from three airports, some of them cancelled, as a CSV file.
fn sample(folder: &Path) -> PathBuf {
    let mut text = String::from(
        "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,\
         origin,dest,air_time,distance,hour,minute,time_hour\n",
    );
    for number in 0..FLIGHTS {
        let (day, hour, minute) = (1 + number % 2, number % 24, number % 60);
        let scheduled = hour * 100 + minute;
        let origin = match number % 3 {
            0 => "EWR",
            1 => "JFK",
            _ => "LGA",
        };
        let (flown, tail) = match number % 7 {
            0 => ("NA,NA".to_owned(), ""),
            delay => (format!("{},-{delay}", scheduled + delay), "N14228"),
        };
        let (departed, delayed) = flown.split_once(',').unwrap();
        writeln!(
            text,
            "2013,1,{day},{departed},{scheduled},{delayed},NA,{scheduled},NA,UA,{number},{tail},{origin},IAH,NA,1400,\
             {hour},{minute},2013-01-0{day}T{hour:02}:00:00Z",
        )
        .unwrap();
    }
    let path = folder.join("flights.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn options(folder: &Path) -> Options {
    Options {
        program: env!("CARGO_BIN_EXE_cairn").into(),
        csv: sample(folder),
        data: folder.join("data"),
        limit: None,
        callers: 16,
        connections: 2,
    }
}

#[tokio::test]
async fn flights_are_loaded_and_verified_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut out = Vec::new();
    cairn_flights::run(&options(folder.path()), &mut out).await.unwrap();
    let report = String::from_utf8(out).unwrap();
    for expected in ["400 of 19 columns", "count     400 items", "every item is as its row says", "tidied up"]
    {
        assert!(report.contains(expected), "{expected}: {report}");
    }
}

#[tokio::test]
async fn a_limit_takes_the_first_flights_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut out = Vec::new();
    let options = Options { limit: Some(25), ..options(folder.path()) };
    cairn_flights::run(&options, &mut out).await.unwrap();
    let report = String::from_utf8(out).unwrap();
    assert!(report.contains("count     25 items"), "{report}");
}

fn key() -> AttributeMap {
    // The second flight of the sample.
    let text = |text: &str| AttributeValue::S(text.to_owned());
    AttributeMap::from([
        (PARTITION_KEY.to_owned(), text("JFK#2013-01-02")),
        (SORT_KEY.to_owned(), text("0101#UA#0001")),
    ])
}

#[tokio::test]
async fn a_flight_that_was_changed_or_lost_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    cairn_flights::run(&options, &mut Vec::new()).await.unwrap();
    let server = ServerProcess::start(&options.program, &options.data).await.unwrap();
    let mut items = ItemServiceClient::connect(format!("http://{}", server.address())).await.unwrap();

    let changed = PutItemRequest { table: "flights".into(), item: Some(key().into()), ..Default::default() };
    items.put_item(changed).await.unwrap();
    let mut out = Vec::new();
    let error = cairn_flights::verify(server.address(), &options, &mut out).await.unwrap_err();
    assert!(matches!(error, Error::Mismatches { count: 1 }), "{error}");
    let report = String::from_utf8(out).unwrap();
    assert!(report.contains("mismatch  row 2: year"), "{report}");

    let key = key().iter().map(|(name, value)| (name.clone(), EncodedValue::from(value))).collect();
    let lost = DeleteItemRequest { table: "flights".into(), key, ..Default::default() };
    items.delete_item(lost).await.unwrap();
    let error = cairn_flights::verify(server.address(), &options, &mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, Error::Count { counted: 399, expected: FLIGHTS }), "{error}");
    drop(items);
    server.stop().await.unwrap();
}
