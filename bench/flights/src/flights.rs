//! The flights: rows of a CSV file, the items they become, and whether an item is what its row says.

use cairn_model::{AttributeMap, AttributeValue, EncodedValue, Number};
use csv::StringRecord;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The attribute that is the partition key: airport and day of the departure.
pub const PARTITION_KEY: &str = "origin_date";
/// The attribute that is the sort key: scheduled time, carrier and flight number of the departure.
pub const SORT_KEY: &str = "departure";

/// The columns that hold text. All others hold numbers.
const TEXT_COLUMNS: [&str; 5] = ["carrier", "tailnum", "origin", "dest", "time_hour"];
/// How the data writes that it does not know.
const UNKNOWN: &str = "NA";

/// Why the flights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FlightsError {
    /// The file cannot be read, or is not CSV.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// The file is not one of flights.
    #[error("there is no column {0}")]
    MissingColumn(&'static str),
    /// A row cannot become an item.
    #[error("row {row}: {column} {rule}")]
    Cell {
        /// Which row, from 1.
        row: usize,
        /// Which column.
        column: String,
        /// What it must be.
        rule: &'static str,
    },
    /// Two rows would be the same item.
    #[error("rows {first} and {second} have the same key: the key does not tell flights apart")]
    DuplicateKey {
        /// One of them, from 1.
        first: usize,
        /// The other.
        second: usize,
    },
}

/// The key of a flight's item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlightKey {
    /// As `EWR#2013-01-01`.
    pub(crate) partition: String,
    /// As `0515#UA#1545`: ordered as the times are.
    pub(crate) sort: String,
}

/// A column of the file.
struct Column {
    name: String,
    is_text: bool,
}

/// A file of flights.
pub(crate) struct Flights {
    columns: Vec<Column>,
    rows: Vec<StringRecord>,
    keys: Vec<FlightKey>,
}

impl Flights {
    /// Reads the file, or its first `limit` rows, and checks that the keys are distinct.
    ///
    /// # Errors
    /// If it cannot be read, or two rows have one key.
    pub(crate) fn read(path: &Path, limit: Option<usize>) -> Result<Self, FlightsError> {
        let failed = |source| FlightsError::Read { path: path.to_owned(), source };
        let mut reader = csv::Reader::from_path(path).map_err(failed)?;
        let headers = reader.headers().map_err(failed)?.clone();
        let of_key = KeyColumns::find(&headers)?;
        let columns = headers
            .iter()
            .map(|name| Column { name: name.to_owned(), is_text: TEXT_COLUMNS.contains(&name) })
            .collect();
        let rows = reader
            .records()
            .take(limit.unwrap_or(usize::MAX))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let keys = rows
            .iter()
            .enumerate()
            .map(|(index, row)| of_key.key(index + 1, row))
            .collect::<Result<Vec<_>, _>>()?;
        check_distinct(&keys)?;
        Ok(Self { columns, rows, keys })
    }

    /// How many flights there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many columns each has.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// A flight's key as a request has it. `None` beyond the last flight.
    pub(crate) fn key(&self, index: usize) -> Option<BTreeMap<String, EncodedValue>> {
        let key = self.keys.get(index)?;
        let value = |text: &String| EncodedValue::from(&AttributeValue::S(text.clone()));
        Some(BTreeMap::from([
            (PARTITION_KEY.to_owned(), value(&key.partition)),
            (SORT_KEY.to_owned(), value(&key.sort)),
        ]))
    }

    /// The item of a flight: its key, and an attribute for every cell that holds something. `None` beyond the last
    /// flight.
    ///
    /// # Errors
    /// If a cell that is to hold a number does not.
    pub(crate) fn item(&self, index: usize) -> Option<Result<AttributeMap, FlightsError>> {
        let (key, row) = (self.keys.get(index)?, self.rows.get(index)?);
        let mut item = AttributeMap::from([
            (PARTITION_KEY.to_owned(), AttributeValue::S(key.partition.clone())),
            (SORT_KEY.to_owned(), AttributeValue::S(key.sort.clone())),
        ]);
        for (column, cell) in self.columns.iter().zip(row) {
            if !is_known(cell) {
                continue;
            }
            let value = if column.is_text {
                AttributeValue::S(cell.to_owned())
            } else {
                match cell.parse::<Number>() {
                    Ok(number) => AttributeValue::N(number),
                    Err(_) => {
                        return Some(Err(FlightsError::Cell {
                            row: index + 1,
                            column: column.name.clone(),
                            rule: "must be a number",
                        }));
                    }
                }
            };
            item.insert(column.name.clone(), value);
        }
        Some(Ok(item))
    }

    /// The name of the first attribute of `item` that is not what the flight's row says: missing, another type, another
    /// text, or there though the row does not know it. `None` if all are as they should be.
    ///
    /// This compares texts with the row's and not values with [`item`](Self::item)'s, so that a mistake made in both
    /// directions shows.
    pub(crate) fn difference(&self, index: usize, item: &AttributeMap) -> Option<String> {
        let (Some(key), Some(row)) = (self.keys.get(index), self.rows.get(index)) else {
            return Some("(no such flight)".to_owned());
        };
        let is_string = |name: &str, text: &str| matches!(item.get(name), Some(AttributeValue::S(found)) if found == text);
        for (name, text) in [(PARTITION_KEY, &key.partition), (SORT_KEY, &key.sort)] {
            if !is_string(name, text) {
                return Some(name.to_owned());
            }
        }
        let mut known = 2;
        for (column, cell) in self.columns.iter().zip(row) {
            let name = column.name.as_str();
            let as_it_should_be = match item.get(name) {
                None => !is_known(cell),
                Some(AttributeValue::S(text)) => column.is_text && is_known(cell) && text == cell,
                Some(AttributeValue::N(number)) => !column.is_text && number.to_string() == cell,
                Some(_) => false,
            };
            if !as_it_should_be {
                return Some(name.to_owned());
            }
            known += usize::from(is_known(cell));
        }
        (item.len() != known).then(|| "(an attribute that is no column)".to_owned())
    }
}

fn is_known(cell: &str) -> bool {
    !cell.is_empty() && cell != UNKNOWN
}

fn check_distinct(keys: &[FlightKey]) -> Result<(), FlightsError> {
    let mut seen = HashMap::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        if let Some(first) = seen.insert(key, index) {
            return Err(FlightsError::DuplicateKey { first: first + 1, second: index + 1 });
        }
    }
    Ok(())
}

/// Where in a row the parts of its key are.
struct KeyColumns {
    year: usize,
    month: usize,
    day: usize,
    scheduled: usize,
    carrier: usize,
    flight: usize,
    origin: usize,
}

impl KeyColumns {
    fn find(headers: &StringRecord) -> Result<Self, FlightsError> {
        let column =
            |name| headers.iter().position(|header| header == name).ok_or(FlightsError::MissingColumn(name));
        Ok(Self {
            year: column("year")?,
            month: column("month")?,
            day: column("day")?,
            scheduled: column("sched_dep_time")?,
            carrier: column("carrier")?,
            flight: column("flight")?,
            origin: column("origin")?,
        })
    }

    fn key(&self, row_number: usize, row: &StringRecord) -> Result<FlightKey, FlightsError> {
        let cell = |column: usize, name: &str| {
            row.get(column).filter(|cell| is_known(cell)).ok_or_else(|| FlightsError::Cell {
                row: row_number,
                column: name.to_owned(),
                rule: "must be known",
            })
        };
        // Padded to one length, texts are ordered as their numbers are.
        Ok(FlightKey {
            partition: format!(
                "{}#{:0>4}-{:0>2}-{:0>2}",
                cell(self.origin, "origin")?,
                cell(self.year, "year")?,
                cell(self.month, "month")?,
                cell(self.day, "day")?,
            ),
            sort: format!(
                "{:0>4}#{}#{:0>4}",
                cell(self.scheduled, "sched_dep_time")?,
                cell(self.carrier, "carrier")?,
                cell(self.flight, "flight")?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HEADER: &str = "year,month,day,dep_time,sched_dep_time,carrier,flight,tailnum,origin";

    fn flights(rows: &[&str]) -> Result<Flights, FlightsError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{HEADER}\n{}", rows.join("\n")).unwrap();
        Flights::read(file.path(), None)
    }

    #[test]
    fn a_row_becomes_an_item_without_what_it_does_not_know() {
        let flights = flights(&["2013,1,1,NA,515,UA,1545,,EWR"]).unwrap();
        let item = flights.item(0).unwrap().unwrap();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: u64| AttributeValue::N(number.into());
        let expected = AttributeMap::from(
            [
                ("origin_date", text("EWR#2013-01-01")),
                ("departure", text("0515#UA#1545")),
                ("year", number(2013)),
                ("month", number(1)),
                ("day", number(1)),
                ("sched_dep_time", number(515)),
                ("carrier", text("UA")),
                ("flight", number(1545)),
                ("origin", text("EWR")),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        assert_eq!(item, expected);
        assert_eq!(flights.difference(0, &item), None);
    }

    #[test]
    fn keys_of_a_day_are_ordered_by_time() {
        let flights = flights(&["2013,1,1,NA,1159,B6,9,N1,JFK", "2013,1,1,7,900,UA,12,N1,JFK"]).unwrap();
        let mut keys = flights.keys.clone();
        keys.sort();
        assert_eq!(keys, [flights.keys[1].clone(), flights.keys[0].clone()]);
    }

    #[test]
    fn every_kind_of_difference_is_seen() {
        let flights = flights(&["2013,1,1,NA,515,UA,1545,N14228,EWR"]).unwrap();
        let right = flights.item(0).unwrap().unwrap();
        let changed = |name: &str, value: Option<AttributeValue>| {
            let mut item = right.clone();
            match value {
                Some(value) => item.insert(name.to_owned(), value),
                None => item.remove(name),
            };
            flights.difference(0, &item)
        };
        let text = |text: &str| Some(AttributeValue::S(text.to_owned()));
        assert_eq!(changed("departure", text("0516#UA#1545")).as_deref(), Some("departure"));
        assert_eq!(changed("day", Some(AttributeValue::N(2_u64.into()))).as_deref(), Some("day"));
        assert_eq!(changed("day", text("1")).as_deref(), Some("day"));
        assert_eq!(changed("tailnum", None).as_deref(), Some("tailnum"));
        assert_eq!(changed("dep_time", Some(AttributeValue::N(515_u64.into()))).as_deref(), Some("dep_time"));
        assert_eq!(changed("dep_time", text("NA")).as_deref(), Some("dep_time"));
        assert_eq!(
            changed("extra", Some(AttributeValue::Null)).as_deref(),
            Some("(an attribute that is no column)")
        );
    }

    #[test]
    fn two_rows_of_one_key_are_refused() {
        let error = flights(&[
            "2013,1,1,517,515,UA,1545,N1,EWR",
            "2013,1,1,533,529,UA,1714,N2,LGA",
            "2013,1,1,600,515,UA,1545,N3,EWR",
        ])
        .err()
        .unwrap();
        assert!(matches!(error, FlightsError::DuplicateKey { first: 1, second: 3 }), "{error}");
    }

    #[test]
    fn what_is_no_file_of_flights_is_refused() {
        let missing_key = flights(&["2013,1,1,517,NA,UA,1545,N1,EWR"]).err().unwrap();
        assert_eq!(missing_key.to_string(), "row 1: sched_dep_time must be known");
        let no_number =
            flights(&["2013,1,1,soon,515,UA,1545,N1,EWR"]).unwrap().item(0).unwrap().err().unwrap();
        assert_eq!(no_number.to_string(), "row 1: dep_time must be a number");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "name,age\nlucee,22").unwrap();
        let other = Flights::read(file.path(), None).err().unwrap();
        assert_eq!(other.to_string(), "there is no column year");
    }
}
