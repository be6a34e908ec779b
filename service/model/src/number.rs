//! `Number`: exact decimal numbers of up to 38 significant digits (semantics 2.3).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Significant digits a number may have.
pub const MAX_SIGNIFICANT_DIGITS: u32 = 38;
/// The largest exponent of a number in scientific notation with one digit before the point.
pub const MAX_EXPONENT: i32 = 125;
/// The smallest such exponent.
pub const MIN_EXPONENT: i32 = -130;

/// An exact decimal number: 0, or 1E-130 ≤ |x| < 1E+126, with at most 38 significant digits.
///
/// Held as `± coefficient × 10^exponent` with no trailing zero in the coefficient, so equal numbers have equal
/// fields and `1000`, `1e3` and `01000.0` are one value. Written and read as plain decimal text; never rounded.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    coefficient: u128,
    exponent: i16,
}

/// Why a text or a result is not a [`Number`]. The texts are DynamoDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not decimal text at all.
    #[error("The parameter cannot be converted to a numeric value: {0}")]
    NotANumber(String),
    /// More than 38 significant digits.
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooManyDigits,
    /// Magnitude of 1E+126 or more.
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    /// Magnitude below 1E-130, other than 0.
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
}

/// How much of a text that is not a number an error repeats: enough to recognise it, bounded whatever was sent.
const ECHOED_TEXT_CHARS_MAX: usize = 128;

impl Number {
    /// Nought.
    pub const ZERO: Self = Self { negative: false, coefficient: 0, exponent: 0 };

    /// `± coefficient × 10^exponent`, made canonical.
    fn new(negative: bool, mut coefficient: u128, mut exponent: i32) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        let digits = coefficient.ilog10() + 1;
        let adjusted = exponent + digits as i32 - 1;
        if adjusted > MAX_EXPONENT {
            return Err(NumberError::Overflow);
        }
        if adjusted < MIN_EXPONENT {
            return Err(NumberError::Underflow);
        }
        if digits > MAX_SIGNIFICANT_DIGITS {
            return Err(NumberError::TooManyDigits);
        }
        Ok(Self { negative, coefficient, exponent: exponent as i16 })
    }

    /// Whether the number is nought.
    pub fn is_zero(&self) -> bool {
        self.coefficient == 0
    }

    /// Whether the number is below nought.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The significant digits as an integer without trailing zeros; 0 for nought.
    pub fn coefficient(&self) -> u128 {
        self.coefficient
    }

    /// How many significant digits there are; 0 for nought.
    pub fn digits(&self) -> u32 {
        if self.coefficient == 0 { 0 } else { self.coefficient.ilog10() + 1 }
    }

    /// The exponent in scientific notation (`d.ddd × 10^exponent`): -130 to 125. 0 for nought.
    pub fn scientific_exponent(&self) -> i32 {
        if self.coefficient == 0 { 0 } else { i32::from(self.exponent) + self.digits() as i32 - 1 }
    }

    /// The largest integer that is not above the number, if it fits.
    pub fn floor_u64(&self) -> Option<u64> {
        if self.negative {
            return None;
        }
        let power = 10u128.checked_pow(self.exponent.unsigned_abs().into());
        let whole = match self.exponent {
            0.. => self.coefficient.checked_mul(power?)?,
            // What is divided by more than there are integers for is below one.
            _ => power.map_or(0, |power| self.coefficient / power),
        };
        u64::try_from(whole).ok()
    }

    /// The exact sum. A result of more than 38 digits is refused as an overflow, as DynamoDB does, not rounded.
    pub fn checked_add(&self, other: &Self) -> Result<Self, NumberError> {
        if self.is_zero() {
            return Ok(*other);
        }
        if other.is_zero() {
            return Ok(*self);
        }
        let exponent = self.exponent.min(other.exponent);
        // An operand that does not fit when both are aligned leaves a sum of more than 38 digits: its leading digits
        // are 40 or more places above the other's last, which is not 0.
        let align = |number: &Self| {
            10u128
                .checked_pow((i32::from(number.exponent) - i32::from(exponent)) as u32)
                .and_then(|scale| number.coefficient.checked_mul(scale))
                .ok_or(NumberError::Overflow)
        };
        let (a, b) = (align(self)?, align(other)?);
        let (negative, coefficient) = if self.negative == other.negative {
            (self.negative, a.checked_add(b).ok_or(NumberError::Overflow)?)
        } else {
            match a.cmp(&b) {
                Ordering::Equal => return Ok(Self::ZERO),
                Ordering::Greater => (self.negative, a - b),
                Ordering::Less => (other.negative, b - a),
            }
        };
        match Self::new(negative, coefficient, exponent.into()) {
            Err(NumberError::TooManyDigits) => Err(NumberError::Overflow),
            result => result,
        }
    }

    /// The exact difference, under the rules of [`checked_add`](Self::checked_add).
    pub fn checked_sub(&self, other: &Self) -> Result<Self, NumberError> {
        let negated = Self { negative: !other.negative && !other.is_zero(), ..*other };
        self.checked_add(&negated)
    }

    /// The bytes DynamoDB counts for the number (semantics 2.8): one, one for each started pair of integer digits and
    /// of fraction digits, and one for a minus sign; zeros that only hold a place are free.
    pub fn size(&self) -> usize {
        if self.is_zero() {
            return 1;
        }
        let digits = self.digits() as i32;
        let exponent = i32::from(self.exponent);
        let (integer_digits, fraction_digits) = if exponent >= 0 {
            // No fraction: trailing zeros of the integer do not count.
            (digits, 0)
        } else if digits + exponent > 0 {
            (digits + exponent, -exponent)
        } else {
            // No integer part: leading zeros of the fraction do not count.
            (0, digits)
        };
        let pairs = |count: i32| (count as usize).div_ceil(2);
        1 + pairs(integer_digits) + pairs(fraction_digits) + usize::from(self.negative)
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let not_a_number = || NumberError::NotANumber(text.chars().take(ECHOED_TEXT_CHARS_MAX).collect());
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut mantissa = unsigned;
        let mut written_exponent: Option<i64> = None;
        if let Some(at) = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            let (before, after) = unsigned.split_at(at);
            mantissa = before;
            let exponent = after
                .get(1..)
                .filter(|exponent| matches!(exponent, [b'+' | b'-', b'0'..=b'9', ..] | [b'0'..=b'9', ..]))
                .and_then(|exponent| std::str::from_utf8(exponent).ok())
                .and_then(|exponent| exponent.parse::<i64>().ok())
                .ok_or_else(not_a_number)?;
            written_exponent = Some(exponent);
        }

        // One pass over the mantissa. Zeros wait until a digit follows them: those at the end only hold a place.
        let mut coefficient: u128 = 0;
        let mut significant_digits: u32 = 0;
        let mut waiting_zeros: u32 = 0;
        let mut fraction_digits: i64 = 0;
        let mut seen_digit = false;
        let mut seen_point = false;
        for byte in mantissa {
            match byte {
                b'.' if !seen_point => {
                    seen_point = true;
                    continue;
                }
                b'0' if coefficient == 0 => {}
                b'0' => waiting_zeros = waiting_zeros.saturating_add(1),
                b'1'..=b'9' => {
                    significant_digits = significant_digits.saturating_add(waiting_zeros).saturating_add(1);
                    // Further digits are only counted: there are too many already.
                    if significant_digits <= MAX_SIGNIFICANT_DIGITS {
                        coefficient = coefficient * 10u128.pow(waiting_zeros + 1) + u128::from(byte - b'0');
                    }
                    waiting_zeros = 0;
                }
                _ => return Err(not_a_number()),
            }
            seen_digit = true;
            fraction_digits += i64::from(seen_point);
        }
        if !seen_digit {
            return Err(not_a_number());
        }
        let exponent = written_exponent.unwrap_or(0);
        if coefficient == 0 {
            // A nought is range-checked by the exponent it is written with (semantics 2.3); the fraction digits
            // before the exponent count down from it.
            return match written_exponent {
                Some(exponent) if exponent.saturating_sub(fraction_digits) > MAX_EXPONENT.into() => {
                    Err(NumberError::Overflow)
                }
                Some(exponent) if exponent < MIN_EXPONENT.into() => Err(NumberError::Underflow),
                _ => Ok(Self::ZERO),
            };
        }
        if significant_digits > MAX_SIGNIFICANT_DIGITS {
            return Err(NumberError::TooManyDigits);
        }
        let exponent = exponent.saturating_add(i64::from(waiting_zeros) - fraction_digits);
        let exponent = match i32::try_from(exponent) {
            Ok(exponent) if (-1_000..=1_000).contains(&exponent) => exponent,
            _ if exponent > 0 => return Err(NumberError::Overflow),
            _ => return Err(NumberError::Underflow),
        };
        Self::new(negative, coefficient, exponent)
    }
}

impl fmt::Display for Number {
    /// The canonical text: plain decimal, no exponent, no leading `+`, no zeros that carry nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        let digits = self.coefficient.to_string();
        let exponent = i32::from(self.exponent);
        if exponent >= 0 {
            return write!(f, "{digits}{:0<width$}", "", width = exponent as usize);
        }
        let point = digits.len() as i32 + exponent;
        if point > 0 {
            let (integer, fraction) = digits.split_at(point as usize);
            write!(f, "{integer}.{fraction}")
        } else {
            write!(f, "0.{:0<width$}{digits}", "", width = point.unsigned_abs() as usize)
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |number: &Self| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let signs = rank(self).cmp(&rank(other));
        if signs.is_ne() || self.is_zero() {
            return signs;
        }
        // Same sign: the higher leading digit wins, then the digits written to equal length.
        let magnitudes = self.scientific_exponent().cmp(&other.scientific_exponent()).then_with(|| {
            let padded = |number: &Self| {
                number.coefficient * 10u128.pow(MAX_SIGNIFICANT_DIGITS.saturating_sub(number.digits()))
            };
            padded(self).cmp(&padded(other))
        });
        if self.negative { magnitudes.reverse() } else { magnitudes }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        let mut number = Self::from(value.unsigned_abs());
        number.negative = value < 0;
        number
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        let mut coefficient = u128::from(value);
        let mut exponent = 0;
        while coefficient != 0 && coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        Self { negative: false, coefficient, exponent }
    }
}

#[cfg(test)]
mod tests;
