//! A small deterministic fuzzer for Cairn's readers of what clients send.
//!
//! [`Fuzzer::run`] feeds a reader its seeds, the inputs that once failed (`regressions/<target>/*.hex`), and then
//! mutations of these for [`CAIRN_FUZZ_SECONDS`](SECONDS_VARIABLE). An input that the reader accepts joins the pool
//! that mutations start from. Now and then a large input is among them. A panic, an input that takes longer than
//! [`INPUT_TIME_MAX`] or more memory than its target allows, and recursion beyond [`STACK_BYTES`] fail the test. It does not know what the readers are: that is in `tests/`.

// A test harness: it stops by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod mutate;

pub use mutate::{large, mutated};
pub use rand;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashSet;
use std::io::{Seek, SeekFrom, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// The environment variable that says how many seconds each target gets; 5 without it.
pub const SECONDS_VARIABLE: &str = "CAIRN_FUZZ_SECONDS";
/// How long one input may take. Inputs take well below a millisecond; the rest is room for a busy machine.
pub const INPUT_TIME_MAX: Duration = Duration::from_secs(10);
/// The stack that readers run on: a quarter of what the server's threads have.
pub const STACK_BYTES: usize = 512 * 1024;
/// The longest of most inputs: beyond the limit of expressions, and enough for items with all kinds of values.
pub const INPUT_BYTES_MAX: usize = 8 * 1024;
/// The longest of the few large inputs: well beyond the limit of items.
pub const LARGE_INPUT_BYTES_MAX: usize = 1024 * 1024;
/// One input in so many is large, as long as large ones take no more than a part of the time: one of them takes as long
/// as thousands of small ones.
const LARGE_INPUT_ONE_IN: u32 = 200;
const LARGE_INPUT_TIME_PART: u32 = 4;
const POOL_INPUTS_MAX: usize = 2_000;

/// One reader and what its inputs are made of.
#[derive(Debug)]
pub struct Fuzzer {
    /// Names the folder of regressions.
    pub target: &'static str,
    /// Valid inputs.
    pub seeds: Vec<Vec<u8>>,
    /// Valid inputs, far longer, that large inputs are made of, besides small ones that are repeated.
    pub large_seeds: Vec<Vec<u8>>,
    /// Pieces that mean something to the reader.
    pub tokens: Vec<Vec<u8>>,
    /// How many bytes of memory reading an input of some length may hold at once.
    pub memory_bytes_max: fn(usize) -> usize,
}

/// An input that a reader failed on.
struct Failure {
    input: Vec<u8>,
    /// The bytes of memory that it held at once, if those were too many.
    memory: Option<u64>,
}

/// What is being read, since when.
type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

impl Fuzzer {
    /// Feeds `read`, which panics at a failure and says whether it accepted the input. Gives how many inputs were
    /// read and how many of them were accepted.
    ///
    /// # Panics
    /// At the first failure, with the input as hex.
    pub fn run(self, read: impl Fn(&[u8]) -> bool + Send + 'static) -> (u64, u64) {
        let target = self.target;
        let until = Instant::now() + seconds();
        let current = Current::default();
        let worker_current = Arc::clone(&current);
        let (done, result) = channel();
        thread::Builder::new()
            .name(format!("fuzz-{target}"))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // The receiver is gone only after a failure that has been reported.
                let _ = done.send(self.feed(until, &worker_current, read));
            })
            .unwrap();
        loop {
            match result.recv_timeout(INPUT_TIME_MAX / 8) {
                Ok(Ok(counts)) => return counts,
                Ok(Err(Failure { input, memory: None })) => panic!("{target} failed on {}", hex(&input)),
                Ok(Err(Failure { input, memory: Some(held) })) => {
                    panic!(
                        "{target} held {held} bytes of memory for {} of input, {}",
                        input.len(),
                        hex(&input)
                    )
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some((since, input)) = &*current.lock().unwrap()
                        && since.elapsed() > INPUT_TIME_MAX
                    {
                        panic!("{target} took {:?} and more for {}", since.elapsed(), hex(input));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the thread of {target} ended"),
            }
        }
    }

    /// Gives the input that failed as the error.
    fn feed(
        self,
        until: Instant,
        current: &Current,
        read: impl Fn(&[u8]) -> bool,
    ) -> Result<(u64, u64), Failure> {
        let (mut inputs, mut accepted) = (0, 0);
        let last = last_input(self.target);
        let mut file = fs::File::create(&last).unwrap();
        let mut try_one = |input: &[u8]| -> Result<bool, Failure> {
            // A stack that overflows ends the process: the input is then the first line of this file, which is never
            // cut because that is slow.
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(format!("{}\n", hex(input)).as_bytes()).unwrap();
            *current.lock().unwrap() = Some((Instant::now(), input.to_vec()));
            let mut outcome = Ok(false);
            let memory =
                allocation_counter::measure(|| outcome = catch_unwind(AssertUnwindSafe(|| read(input))));
            let (since, input) = current.lock().unwrap().take().unwrap();
            match outcome {
                Ok(_) if memory.bytes_max > (self.memory_bytes_max)(input.len()) as u64 => {
                    Err(Failure { input, memory: Some(memory.bytes_max) })
                }
                Ok(is_accepted) if since.elapsed() <= INPUT_TIME_MAX => {
                    inputs += 1;
                    accepted += u64::from(is_accepted);
                    Ok(is_accepted)
                }
                _ => Err(Failure { input, memory: None }),
            }
        };
        for input in self.seeds.iter().chain(&self.large_seeds) {
            if !try_one(input)? {
                // A seed that is refused seeds nothing.
                return Err(Failure { input: input.clone(), memory: None });
            }
        }
        let mut pool = self.seeds;
        for input in regressions(self.target) {
            try_one(&input)?;
            pool.push(input);
        }
        let mut known: HashSet<Vec<u8>> = pool.iter().cloned().collect();
        let kept = pool.len();
        let mut random = SmallRng::seed_from_u64(1);
        let (begun, mut large_time) = (Instant::now(), Duration::ZERO);
        while Instant::now() < until {
            if large_time < begun.elapsed() / LARGE_INPUT_TIME_PART
                && random.random_ratio(1, LARGE_INPUT_ONE_IN)
            {
                let since = Instant::now();
                let seeds = match &self.large_seeds {
                    large if large.is_empty() || random.random() => &pool,
                    large => large,
                };
                // It does not join the pool: what is made of it would be large as well.
                try_one(&large(seeds, &self.tokens, &mut random))?;
                large_time += since.elapsed();
                continue;
            }
            let input = mutated(&pool, &self.tokens, &mut random);
            if try_one(&input)? && !known.contains(&input) {
                if pool.len() < POOL_INPUTS_MAX {
                    pool.push(input.clone());
                } else {
                    let replaced = random.random_range(kept..POOL_INPUTS_MAX);
                    known.remove(&pool[replaced]);
                    pool[replaced].clone_from(&input);
                }
                known.insert(input);
            }
        }
        fs::remove_file(&last).unwrap();
        Ok((inputs, accepted))
    }
}

fn seconds() -> Duration {
    let given = env::var(SECONDS_VARIABLE).ok();
    Duration::from_secs(given.map_or(5, |text| text.parse().expect("a number of seconds")))
}

/// A number that follows from the input, so that what is made up beside an input is the same each time it is read.
pub fn number_of(input: &[u8]) -> u64 {
    input.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn last_input(target: &str) -> PathBuf {
    env::temp_dir().join(format!("cairn-fuzz-{target}-{}.hex", std::process::id()))
}

/// The inputs that once failed, in the order of their file names.
fn regressions(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target);
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| from_hex(fs::read_to_string(path).unwrap().trim())).collect()
}

fn hex(bytes: &[u8]) -> String {
    // Every input is printed before it is read, so neither formatting nor iterators: tests are not optimised.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte in a regression");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fuzzer() -> Fuzzer {
        Fuzzer {
            target: "itself",
            seeds: vec![b"seed".to_vec()],
            large_seeds: Vec::new(),
            tokens: vec![b"!".to_vec()],
            memory_bytes_max: |len| 64 + 2 * len,
        }
    }

    #[test]
    fn an_input_that_takes_too_much_memory_is_reported_as_hex() {
        // What is read is copied, which is allowed, and from some length on copied eightfold.
        let read = |input: &[u8]| {
            let copies = if input.len() < 100 { 1 } else { 8 };
            (0..copies).map(|_| input.to_vec()).collect::<Vec<_>>().len() == copies
        };
        let message = *catch_unwind(|| fuzzer().run(read)).unwrap_err().downcast::<String>().unwrap();
        let (figures, input) = message.rsplit_once(", ").unwrap();
        let len = from_hex(input).len();
        assert!(
            len >= 100 && figures.ends_with(&format!(" bytes of memory for {len} of input")),
            "{figures}"
        );
    }

    #[test]
    fn now_and_then_an_input_is_large() {
        let longest = Arc::new(Mutex::new(0));
        let seen = longest.clone();
        let (inputs, _) = fuzzer().run(move |input| {
            let mut longest = seen.lock().unwrap();
            *longest = input.len().max(*longest);
            true
        });
        let longest = *longest.lock().unwrap();
        assert!(inputs > 1_000 && longest > LARGE_INPUT_BYTES_MAX / 2, "{inputs} inputs of up to {longest}");
        assert!(longest <= LARGE_INPUT_BYTES_MAX);
    }

    #[test]
    fn an_input_that_panics_is_reported_as_hex() {
        let run = catch_unwind(|| fuzzer().run(|input| !input.contains(&b'!') || panic!("found")));
        let message = *run.unwrap_err().downcast::<String>().unwrap();
        let input = message.strip_prefix("itself failed on ").unwrap();
        assert!(from_hex(input).contains(&b'!'), "{message}");
    }

    #[test]
    fn an_input_that_never_ends_is_reported_as_hex() {
        let run = catch_unwind(|| {
            fuzzer().run(|_| {
                loop {
                    thread::park();
                }
            })
        });
        let message = *run.unwrap_err().downcast::<String>().unwrap();
        assert!(message.ends_with(&hex(b"seed")), "{message}");
    }
}
