//! Cuts a sequence down to what a difference needs.

use crate::generate::Step;
use crate::pair::{Pair, Run};
use serde_json::Value;
use std::time::{Duration, Instant};

/// No more is tried after that long.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The fewest steps found, with the least in them, that still end in a difference at the same place as `run`, which is
/// what `steps` led to; and what they lead to.
pub(crate) async fn shrink(pair: &Pair, steps: Vec<Step>, run: Run) -> (Vec<Step>, Run) {
    let end = Instant::now() + TIME_MAX;
    let mut least = (steps, run);
    loop {
        let before = size(&least.0);
        fewer_steps(pair, &mut least, end).await;
        less_in_steps(pair, &mut least, end).await;
        if size(&least.0) == before || Instant::now() > end {
            return least;
        }
    }
}

fn size(steps: &[Step]) -> usize {
    steps.iter().map(|step| 1 + step.request.to_string().len() + usize::from(step.follow)).sum()
}

/// Takes `steps` for the least if they end in the same difference.
async fn attempt(pair: &Pair, least: &mut (Vec<Step>, Run), steps: Vec<Step>) -> bool {
    let run = pair.run(&steps).await;
    let place = |run: &Run| run.difference.as_ref().map(|difference| difference.place.clone());
    let is_same = place(&run) == place(&least.1);
    if is_same {
        *least = (steps, run);
    }
    is_same
}

/// Leaves steps out: halves, quarters and so on to single ones.
async fn fewer_steps(pair: &Pair, least: &mut (Vec<Step>, Run), end: Instant) {
    let mut chunk = least.0.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < least.0.len() && Instant::now() < end {
            let mut steps = least.0.clone();
            steps.drain(at..(at + chunk).min(steps.len()));
            if !attempt(pair, least, steps).await {
                at += chunk;
            }
        }
        if chunk == 1 {
            return;
        }
        chunk = chunk.div_ceil(2);
    }
}

/// Leaves members and elements out of requests, the outer ones first.
async fn less_in_steps(pair: &Pair, least: &mut (Vec<Step>, Run), end: Instant) {
    for number in 0..least.0.len() {
        if least.0[number].follow {
            let mut steps = least.0.clone();
            steps[number].follow = false;
            attempt(pair, least, steps).await;
        }
        let mut at = 0;
        while let Some(pointer) = pointers(&least.0[number].request).get(at).cloned() {
            if Instant::now() > end {
                return;
            }
            let mut steps = least.0.clone();
            remove(&mut steps[number].request, &pointer);
            if !attempt(pair, least, steps).await {
                at += 1;
            }
        }
    }
}

/// Where members and elements of a value are, the outer ones first.
fn pointers(value: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut level = vec![(Vec::new(), value)];
    while !level.is_empty() {
        let mut below = Vec::new();
        for (path, value) in level {
            let children: Vec<(String, &Value)> = match value {
                // What is generated is generated whole.
                Value::Object(members)
                    if members.contains_key("$repeat") || members.contains_key("$nested") =>
                {
                    Vec::new()
                }
                Value::Object(members) => {
                    members.iter().map(|(name, member)| (name.clone(), member)).collect()
                }
                Value::Array(elements) => {
                    elements.iter().enumerate().map(|(index, element)| (index.to_string(), element)).collect()
                }
                _ => Vec::new(),
            };
            for (name, child) in children {
                let path: Vec<String> = path.iter().cloned().chain([name]).collect();
                found.push(path.clone());
                below.push((path, child));
            }
        }
        level = below;
    }
    found
}

fn remove(value: &mut Value, pointer: &[String]) {
    match (value, pointer) {
        (Value::Object(members), [name]) => drop(members.remove(name)),
        (Value::Array(elements), [index]) => drop(elements.remove(index.parse().unwrap())),
        (Value::Object(members), [name, rest @ ..]) => remove(&mut members[name], rest),
        (Value::Array(elements), [index, rest @ ..]) => {
            remove(&mut elements[index.parse::<usize>().unwrap()], rest);
        }
        _ => unreachable!("a pointer is of something that is there"),
    }
}
