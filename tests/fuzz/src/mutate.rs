//! Mutations of inputs.

// Part of a test harness: indexes are of its own making.
#![allow(clippy::indexing_slicing)]

use crate::{INPUT_BYTES_MAX, LARGE_INPUT_BYTES_MAX};
use rand::RngExt;
use rand::rngs::SmallRng;

const MUTATIONS_MAX: usize = 6;
/// Levels of a nesting bomb, at most: far more than any reader allows.
const BOMB_LEVELS_MAX: usize = 2_000;

/// An input of the pool after one to six mutations: bits flipped, bytes changed, cut, repeated or swapped with parts
/// of another input, tokens inserted, and pieces nested or repeated by the hundred.
pub fn mutated(pool: &[Vec<u8>], tokens: &[Vec<u8>], random: &mut SmallRng) -> Vec<u8> {
    let mut input = one_of(pool, random).to_vec();
    mutate_up_to(INPUT_BYTES_MAX, &mut input, pool, tokens, random);
    input
}

/// A large input: one of the seeds, repeated up to some length if it is small, and perhaps mutated.
pub fn large(seeds: &[Vec<u8>], tokens: &[Vec<u8>], random: &mut SmallRng) -> Vec<u8> {
    let mut input = one_of(seeds, random).to_vec();
    let bytes = random.random_range(0..=LARGE_INPUT_BYTES_MAX);
    if input.len() < INPUT_BYTES_MAX {
        input = input.repeat(bytes / input.len().max(1));
    }
    if random.random() {
        mutate_up_to(LARGE_INPUT_BYTES_MAX, &mut input, seeds, tokens, random);
    }
    input.truncate(LARGE_INPUT_BYTES_MAX);
    input
}

fn mutate_up_to(
    bytes_max: usize,
    input: &mut Vec<u8>,
    pool: &[Vec<u8>],
    tokens: &[Vec<u8>],
    random: &mut SmallRng,
) {
    for _ in 0..random.random_range(1..=MUTATIONS_MAX) {
        mutate(bytes_max, input, pool, tokens, random);
        input.truncate(bytes_max);
    }
}

fn one_of<'a>(from: &'a [Vec<u8>], random: &mut SmallRng) -> &'a [u8] {
    &from[random.random_range(0..from.len())]
}

/// A place between two bytes, or at an end.
fn place(input: &[u8], random: &mut SmallRng) -> usize {
    random.random_range(0..=input.len())
}

/// Two places, the first not behind the second.
fn range(input: &[u8], random: &mut SmallRng) -> std::ops::Range<usize> {
    let (one, other) = (place(input, random), place(input, random));
    one.min(other)..one.max(other)
}

fn insert(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    input.splice(at..at, part.iter().copied());
}

fn mutate(
    bytes_max: usize,
    input: &mut Vec<u8>,
    pool: &[Vec<u8>],
    tokens: &[Vec<u8>],
    random: &mut SmallRng,
) {
    match random.random_range(0..20) {
        0..3 if !input.is_empty() => {
            let at = random.random_range(0..input.len());
            input[at] ^= 1 << random.random_range(0..8);
        }
        3..5 if !input.is_empty() => {
            let at = random.random_range(0..input.len());
            input[at] = random.random();
        }
        5 => input.truncate(place(input, random)),
        6..8 => {
            input.drain(range(input, random));
        }
        8 => {
            let part = input[range(input, random)].to_vec();
            insert(input, place(input, random), &part);
        }
        9..12 => {
            let other = one_of(pool, random);
            let part = &other[range(other, random)];
            let replaced = range(input, random);
            input.splice(replaced, part.iter().copied());
        }
        12 => bomb(bytes_max, input, tokens, random),
        13 => {
            // A length as protobuf writes it, of any size.
            let mut length: u64 = random.random::<u64>() >> random.random_range(0..64);
            let mut bytes = Vec::new();
            while length >= 0x80 {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            insert(input, place(input, random), &bytes);
        }
        _ => insert(input, place(input, random), one_of(tokens, random)),
    }
}

/// Puts one token before and another behind the rest, as often as fits.
fn bomb(bytes_max: usize, input: &mut Vec<u8>, tokens: &[Vec<u8>], random: &mut SmallRng) {
    let (open, close) = (one_of(tokens, random), one_of(tokens, random));
    let room = bytes_max.saturating_sub(input.len()) / (open.len() + close.len()).max(1);
    let levels = random.random_range(0..=room.min(BOMB_LEVELS_MAX));
    let at = place(input, random);
    let rest = input.split_off(at);
    input.extend(open.repeat(levels));
    input.extend(rest);
    if random.random() {
        input.extend(close.repeat(levels));
    }
}
