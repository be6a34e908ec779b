//! What processes have spent of the processor's time.

use crate::Error;

/// A process whose time is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Process {
    Own,
    Id(u32),
}

impl Process {
    /// Seconds of processor time, the system's for it included, of all its threads since it began. In steps of the
    /// system's clock tick, usually 10 ms. Of systems without `/proc`, nothing is known.
    pub(crate) fn seconds(self) -> Result<f64, Error> {
        let path = match self {
            Self::Own => "/proc/self/stat".to_owned(),
            Self::Id(id) => format!("/proc/{id}/stat"),
        };
        let stat = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(f64::NAN),
            stat => stat?,
        };
        let ticks = ticks_in(&stat).ok_or(Error::NoProcessTime)?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }
}

/// User and system time in a process's `stat`, in clock ticks.
fn ticks_in(stat: &str) -> Option<u64> {
    // The program's name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_after_a_name_with_anything_in_it() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 250 31 5 6 20 0 8 0 99 1000 10";
        assert_eq!(ticks_in(stat), Some(281));
        assert_eq!(ticks_in("7 (cut"), None);
    }

    #[test]
    fn a_process_knows_its_own_time() {
        let begun = Process::Own.seconds().unwrap();
        if begun.is_nan() {
            return;
        }
        while Process::Own.seconds().unwrap() == begun {
            std::hint::black_box((0..10_000u64).sum::<u64>());
        }
        assert!(Process::Own.seconds().unwrap() > begun);
    }
}
