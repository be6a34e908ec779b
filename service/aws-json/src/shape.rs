//! What requests look like: their members with the constraints on them, as tables, and reading and checking by those
//! (semantics 1.4, 1.5, 20.3, 20.6).

use crate::json::{Json, Read};
use crate::value::{Checked, read_bindings, read_item, read_value};
use cairn_model::{AttributeValue, Echo, Item, limits, name_errors};
use cairn_ops::{FieldPath, Validation, broken_constraint, detected};
use std::collections::BTreeMap;
use std::fmt;

/// A value that errors can show.
pub(crate) trait Echoed {
    /// Writes it into an error.
    fn echo(&self, echo: &mut Echo);

    /// Its text in an error.
    fn echoed(&self) -> String {
        Echo::of(|echo| self.echo(echo))
    }
}

/// A type that a member can have.
pub(crate) trait Shape: Sized + Echoed {
    /// Reads it. What it holds beyond what it is known for is ignored.
    fn read(json: &mut Json<'_>) -> Read<Self>;

    /// Notes what about it breaks its rule.
    fn check(&self, at: &At<'_>, rule: &Rule, found: &mut Problems) {
        let _ = (at, rule, found);
    }

    /// The constraint that it violates as a map's value, if the error names the map.
    fn broken_in_map(&self, rule: &Rule) -> Option<String> {
        let _ = rule;
        None
    }
}

/// The constraints on a member: one row of a table. What is not said is not constrained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) required: bool,
    /// Characters of a string, elements of a list, entries of a map.
    pub(crate) length: (Option<usize>, Option<usize>),
    /// Of a number.
    pub(crate) range: (Option<i64>, Option<i64>),
    pub(crate) form: Option<Form>,
    /// What an enumeration knows, in the order in which errors list it.
    pub(crate) one_of: &'static [&'static str],
    /// The rule for the elements of a list and the values of a map.
    pub(crate) each: Option<&'static Rule>,
}

/// What a name may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `[a-zA-Z0-9_.-]+`
    Name,
    /// The same, or an ARN. What is wrong with such a member comes before what is wrong with any other.
    TableReference,
}

/// No constraint.
pub(crate) const ANY: Rule =
    Rule { required: false, length: (None, None), range: (None, None), form: None, one_of: &[], each: None };
/// It must be there.
pub(crate) const REQUIRED: Rule = ANY.required();

impl Rule {
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn length(self, least: usize, most: usize) -> Self {
        Self { length: (Some(least), Some(most)), ..self }
    }

    pub(crate) const fn length_from(self, least: usize) -> Self {
        Self { length: (Some(least), None), ..self }
    }

    pub(crate) const fn length_to(self, most: usize) -> Self {
        Self { length: (None, Some(most)), ..self }
    }

    pub(crate) const fn range(self, least: i64, most: i64) -> Self {
        Self { range: (Some(least), Some(most)), ..self }
    }

    pub(crate) const fn range_from(self, least: i64) -> Self {
        Self { range: (Some(least), None), ..self }
    }

    pub(crate) const fn form(self, form: Form) -> Self {
        Self { form: Some(form), ..self }
    }

    pub(crate) const fn one_of(self, names: &'static [&'static str]) -> Self {
        Self { one_of: names, ..self }
    }

    pub(crate) const fn each(self, rule: &'static Self) -> Self {
        Self { each: Some(rule), ..self }
    }

    /// The constraints on a length that `length` breaks, in DynamoDB's words.
    fn broken_length(&self, length: usize) -> Option<String> {
        match self.length {
            (Some(least), _) if length < least => {
                Some(format!("Member must have length greater than or equal to {least}"))
            }
            (_, Some(most)) if length > most => {
                Some(format!("Member must have length less than or equal to {most}"))
            }
            _ => None,
        }
    }
}

/// Where in a request a member is, from the inside out.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    outer: Option<&'a At<'a>>,
    step: StepIn<'a>,
}

#[derive(Clone, Copy)]
enum StepIn<'a> {
    Member(&'static str),
    Element(usize),
    Entry(&'a str),
}

impl<'a> At<'a> {
    pub(crate) fn member(outer: Option<&'a At<'a>>, name: &'static str) -> Self {
        Self { outer, step: StepIn::Member(name) }
    }
}

/// A member's name in an error: `keySchema`.
fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    format!("{}{}", first.unwrap_or_default(), chars.as_str())
}

/// Writes a structure with its present members.
pub(crate) fn echo_structure(echo: &mut Echo, name: &str, members: &[(&str, Option<&dyn Echoed>)]) {
    let members = members.iter().filter_map(|(name, value)| Some((lower_camel(name), (*value)?)));
    echo.text(name.strip_suffix("Input").unwrap_or(name));
    echo.members(members, |echo, value| value.echo(echo));
}

impl fmt::Display for At<'_> {
    /// As AWS writes it: `keySchema.1.member.keyType`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            write!(f, "{outer}.")?;
        }
        match self.step {
            StepIn::Member(name) => f.write_str(&lower_camel(name)),
            StepIn::Element(index) => write!(f, "{}.member", index + 1),
            StepIn::Entry(key) => {
                write!(f, "{}.member", key.chars().take(limits::ECHO_CHARS_MAX).collect::<String>())
            }
        }
    }
}

/// What is wrong with a request, so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// Violated constraints, in the order of the member tables.
    members: Vec<String>,
    /// Whether a required member of the request is absent.
    missing: bool,
    /// Faults of the form of the table's name.
    table: Vec<String>,
}

/// The most problems that one answer tells.
const PROBLEMS_MAX: usize = 10;

impl Problems {
    /// Checks a member by its rule.
    pub(crate) fn member<T: Shape>(&mut self, at: &At<'_>, value: Option<&T>, rule: &Rule) {
        match value {
            Some(value) => value.check(at, rule, self),
            None if rule.required => {
                self.missing |= at.outer.is_none();
                self.push(|| broken_constraint(at, None, "Member must not be null"));
            }
            None => {}
        }
    }

    fn note(&mut self, at: &At<'_>, value: &dyn Echoed, constraint: impl fmt::Display) {
        self.push(|| broken_constraint(at, Some(&value.echoed()), constraint));
    }

    fn push(&mut self, text: impl FnOnce() -> String) {
        if self.members.len() < PROBLEMS_MAX {
            self.members.push(text());
        }
    }

    /// The error, if there is a problem. A malformed table name is reported alone, unless a required member is absent.
    pub(crate) fn result(self) -> Result<(), Validation> {
        let problems = if self.missing || self.table.is_empty() { self.members } else { self.table };
        if problems.is_empty() {
            return Ok(());
        }
        Err(Validation::new(FieldPath::default(), detected(&problems)))
    }
}

impl Echoed for String {
    fn echo(&self, echo: &mut Echo) {
        echo.text(self);
    }
}

impl Shape for String {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        json.string().map(std::borrow::Cow::into_owned)
    }

    fn check(&self, at: &At<'_>, rule: &Rule, found: &mut Problems) {
        let is_table = rule.form == Some(Form::TableReference);
        if is_table && !self.is_empty() && !self.starts_with("arn:") {
            if found.table.is_empty() {
                let broken = |error| broken_constraint(at, Some(&self.echoed()), error);
                found.table = name_errors(self).map(broken).collect();
            }
            return;
        }
        let is_name = self.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if rule.form == Some(Form::Name) && !is_name {
            found.note(at, self, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
        }
        if let Some(broken) = rule.broken_length(self.chars().count()) {
            found.note(at, self, broken);
        }
        if !rule.one_of.is_empty() && !rule.one_of.contains(&self.as_str()) {
            let known = rule.one_of.join(", ");
            found.note(at, self, format_args!("Member must satisfy enum value set: [{known}]"));
        }
    }
}

impl Echoed for bool {
    fn echo(&self, echo: &mut Echo) {
        echo.text(&self.to_string());
    }
}

impl Shape for bool {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        json.boolean()
    }
}

fn check_range(number: i64, at: &At<'_>, rule: &Rule, found: &mut Problems) {
    let broken = match rule.range {
        (Some(least), _) if number < least => Some(("greater", least)),
        (_, Some(most)) if number > most => Some(("less", most)),
        _ => None,
    };
    if let Some((than, bound)) = broken {
        let constraint = format_args!("Member must have value {than} than or equal to {bound}").to_string();
        found.note(at, &number, constraint);
    }
}

impl Echoed for i64 {
    fn echo(&self, echo: &mut Echo) {
        echo.text(&self.to_string());
    }
}

impl Shape for i64 {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        json.integer("Long", "class java.lang.Long")
    }

    fn check(&self, at: &At<'_>, rule: &Rule, found: &mut Problems) {
        check_range(*self, at, rule, found);
    }
}

impl Echoed for i32 {
    fn echo(&self, echo: &mut Echo) {
        i64::from(*self).echo(echo);
    }
}

impl Shape for i32 {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        let number = json.integer("Integer", "class java.lang.Integer")?;
        Ok(Self::try_from(number).unwrap_or(if number < 0 { Self::MIN } else { Self::MAX }))
    }

    fn check(&self, at: &At<'_>, rule: &Rule, found: &mut Problems) {
        check_range((*self).into(), at, rule, found);
    }
}

impl<T: Echoed> Echoed for Vec<T> {
    fn echo(&self, echo: &mut Echo) {
        echo.list(self, |echo, element| element.echo(echo));
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        let mut elements = Self::new();
        json.array(|json| {
            elements.push(T::read(json)?);
            Ok(())
        })?;
        Ok(elements)
    }

    fn check(&self, at: &At<'_>, rule: &Rule, found: &mut Problems) {
        if let Some(broken) = rule.broken_length(self.len()) {
            found.note(at, self, broken);
        }
        for (index, element) in self.iter().enumerate() {
            let at = At { outer: Some(at), step: StepIn::Element(index) };
            element.check(&at, rule.each.unwrap_or(&ANY), found);
        }
    }
}

impl<T: Echoed> Echoed for BTreeMap<String, T> {
    fn echo(&self, echo: &mut Echo) {
        echo.map(self, |echo, value| value.echo(echo));
    }
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        let mut entries = Self::new();
        json.object("java.util.Map<java.lang.String, java.lang.Object>", |json, name| {
            if !json.take_null()? {
                entries.insert(name.to_owned(), T::read(json)?);
            }
            Ok(())
        })?;
        Ok(entries)
    }

    fn check(&self, at: &At<'_>, rule: &Rule, found: &mut Problems) {
        if let Some(broken) = rule.broken_length(self.len()) {
            found.note(at, self, broken);
        }
        let each = rule.each.unwrap_or(&ANY);
        if let Some(broken) = self.values().find_map(|value| value.broken_in_map(each)) {
            found.note(at, self, broken);
        }
        for (key, value) in self {
            let at = At { outer: Some(at), step: StepIn::Entry(key) };
            value.check(&at, each, found);
        }
    }
}

/// A list that is the value of a map: its length is told as a constraint on the map.
#[derive(Debug, Default)]
pub(crate) struct Listed<T>(pub(crate) Vec<T>);

impl<T: Echoed> Echoed for Listed<T> {
    fn echo(&self, echo: &mut Echo) {
        self.0.echo(echo);
    }
}

impl<T: Shape> Shape for Listed<T> {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        Vec::read(json).map(Self)
    }

    fn check(&self, at: &At<'_>, _: &Rule, found: &mut Problems) {
        self.0.check(at, &ANY, found);
    }

    fn broken_in_map(&self, rule: &Rule) -> Option<String> {
        let ((Some(least), Some(most)), Some(_)) = (rule.length, rule.broken_length(self.0.len())) else {
            return None;
        };
        Some(format!(
            "Map value must satisfy constraint: [Member must have length less than or equal to {most}, Member must \
             have length greater than or equal to {least}]"
        ))
    }
}

impl Echoed for Item {
    fn echo(&self, echo: &mut Echo) {
        echo.item(self);
    }
}

impl Shape for Item {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        read_item(json)
    }
}

/// What placeholders stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(pub(crate) Item);

impl Echoed for Bindings {
    fn echo(&self, echo: &mut Echo) {
        echo.item(&self.0);
    }
}

impl Shape for Bindings {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        read_bindings(json).map(Self)
    }
}

impl Echoed for Checked<AttributeValue> {
    fn echo(&self, echo: &mut Echo) {
        if let Ok(value) = self {
            echo.value(value);
        }
    }
}

impl Shape for Checked<AttributeValue> {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        read_value(json)
    }
}

/// A member that is known and not served: that it is there is all that is read of it.
#[derive(Debug, Default)]
pub(crate) struct Unserved;

impl Echoed for Unserved {
    fn echo(&self, _: &mut Echo) {}
}

impl Shape for Unserved {
    fn read(json: &mut Json<'_>) -> Read<Self> {
        json.skip().map(|()| Self)
    }
}

/// The names and rules of a structure's members.
pub(crate) type Members = &'static [(&'static str, Rule)];

/// Defines a structure by the table of its members: name in the API, name here, type, and the rule.
macro_rules! shape {
    ($(#[$doc:meta])* $name:ident { $($member:literal $field:ident: $type:ty $(= $rule:expr)?;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(crate) struct $name { $(pub(crate) $field: Option<$type>,)* }

        impl $name {
            /// The table.
            #[cfg_attr(not(test), expect(dead_code, reason = "compared with the inventory by a test"))]
            pub(crate) const MEMBERS: $crate::shape::Members = &[$(($member, shape!(@rule $($rule)?)),)*];
        }

        impl $crate::shape::Echoed for $name {
            fn echo(&self, echo: &mut cairn_model::Echo) {
                $crate::shape::echo_structure(
                    echo,
                    stringify!($name),
                    &[$((
                        $member,
                        self.$field.as_ref().map(|value| value as &dyn $crate::shape::Echoed),
                    ),)*],
                );
            }
        }

        impl $crate::shape::Shape for $name {
            #[allow(unused_mut, reason = "a structure may have no members")]
            fn read(json: &mut $crate::json::Json<'_>) -> $crate::json::Read<Self> {
                let mut shape = Self::default();
                let class = concat!("class com.amazonaws.dynamodb.v20120810.", stringify!($name));
                json.object(class, |json, name| {
                    if json.take_null()? {
                        return Ok(());
                    }
                    match name {
                        $($member => shape.$field = Some($crate::shape::Shape::read(json)?),)*
                        _ => json.skip()?,
                    }
                    Ok(())
                })?;
                Ok(shape)
            }

            fn check(
                &self,
                at: &$crate::shape::At<'_>,
                _: &$crate::shape::Rule,
                found: &mut $crate::shape::Problems,
            ) {
                self.check_members(Some(at), found);
            }
        }

        impl $name {
            #[allow(unused_variables, reason = "a structure may have no members")]
            fn check_members(
                &self,
                at: Option<&$crate::shape::At<'_>>,
                found: &mut $crate::shape::Problems,
            ) {
                $(found.member(
                    &$crate::shape::At::member(at, $member),
                    self.$field.as_ref(),
                    &const { shape!(@rule $($rule)?) },
                );)*
            }
        }

        impl $crate::shape::Structure for $name {
            fn problems(&self) -> $crate::shape::Problems {
                let mut found = $crate::shape::Problems::default();
                self.check_members(None, &mut found);
                found
            }
        }
    };
    (@rule) => { $crate::shape::ANY };
    (@rule $rule:expr) => { $rule };
}

pub(crate) use shape;

/// A structure that a request can be.
pub(crate) trait Structure: Shape {
    /// What about it breaks a rule.
    fn problems(&self) -> Problems;
}

#[cfg(test)]
mod tests;
