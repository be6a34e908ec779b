//! Properties of all expressions: parsers survive any text and print what they read, and evaluation agrees with slow
//! evaluators that say the same in the most obvious way.

// Tests stop by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cairn_expression::{
    AttributeType, Bindings, Comparator, DocumentPath, Literal, ParsedCondition, ParsedKeyCondition,
    ParsedProjection, ParsedUpdate, PathStep, Update, UpdateAction, UpdateValue,
};
use cairn_model::{AttributeMap, AttributeValue, Number};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Debug;

// ---- documents, from few names and values so that paths and values meet

fn scalar() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        "[ab]{0,3}".prop_map(AttributeValue::S),
        (-2_i64..4).prop_map(|number| AttributeValue::N(number.into())),
        "[ab]{0,2}".prop_map(|text| AttributeValue::B(text.into())),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
        proptest::collection::btree_set("[ab]{0,2}", 1..3).prop_map(AttributeValue::Ss),
        proptest::collection::btree_set(0_i64..3, 1..3)
            .prop_map(|set| AttributeValue::Ns(set.into_iter().map(Number::from).collect())),
        proptest::collection::btree_set("[ab]{0,2}", 1..3)
            .prop_map(|set| AttributeValue::Bs(set.into_iter().map(Into::into).collect())),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = AttributeValue> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            proptest::collection::btree_map(name(), inner, 0..3).prop_map(AttributeValue::M),
        ]
    })
}

fn document() -> impl Strategy<Value = AttributeMap> {
    proptest::collection::btree_map(name(), value(), 0..4)
}

fn path() -> impl Strategy<Value = DocumentPath> {
    let step = prop_oneof![
        name().prop_map(|name| PathStep::Name(name.into())),
        (0_usize..5).prop_map(PathStep::Index)
    ];
    (name(), proptest::collection::vec(step, 0..3))
        .prop_map(|(attribute, steps)| DocumentPath { attribute: attribute.into(), steps })
}

fn path_text(path: &DocumentPath) -> String {
    let steps = path.steps.iter().map(|step| match step {
        PathStep::Name(name) => format!(".{name}"),
        PathStep::Index(index) => format!("[{index}]"),
    });
    format!("{}{}", path.attribute, steps.collect::<String>())
}

/// Whether paths cannot stand in one expression: one leads into the other, or they part as a name and an index.
fn clash(left: &DocumentPath, right: &DocumentPath) -> bool {
    let differing = left.steps.iter().zip(&right.steps).find(|(left, right)| left != right);
    left.attribute == right.attribute
        && match differing {
            None => true,
            Some((left, right)) => matches!(left, PathStep::Name(_)) != matches!(right, PathStep::Name(_)),
        }
}

/// Some of the things, such that no two of their paths clash.
fn without_clashes<T>(things: Vec<T>, path: impl Fn(&T) -> &DocumentPath) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for thing in things {
        if !kept.iter().any(|earlier| clash(path(earlier), path(&thing))) {
            kept.push(thing);
        }
    }
    kept
}

// ---- texts

/// Pieces of expressions in any order, and whatever else can be typed.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec![
            "a", "b.c", "#n", ":v", ":w", "name", "[0]", ".", "(", ")", "(", ")", ",", "=", "<>", "<", "<=", ">", ">=",
            "+", "-", "AND", "or", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE", "size(", "contains(",
            "begins_with(", "attribute_exists(", "attribute_type(", "if_not_exists(", "list_append(", "foo(", "a = :v",
            "SET a = :v", "a BETWEEN :v AND :w", "a IN (:v, :w)", "99999999999", "#", ":", "_", "\"",
        ]).prop_map(str::to_owned),
        1 => ".{0,3}",
    ];
    prop_oneof![
        4 => proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.join(" ")),
        1 => ".{0,64}",
        1 => proptest::collection::vec(any::<u8>(), 0..64).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

fn some_bindings(v: AttributeValue, w: AttributeValue) -> Bindings {
    let names = BTreeMap::from([("#n".to_owned(), "a".to_owned())]);
    Bindings::new(Some(names), Some([(":v".to_owned(), v), (":w".to_owned(), w)].into())).unwrap()
}

fn check_printed<P: ToString + PartialEq + Debug, E: Debug>(
    parsed: &P,
    parse: impl Fn(&str) -> Result<P, E>,
) {
    let printed = parsed.to_string();
    match parse(&printed) {
        Ok(again) => {
            assert_eq!(&again, parsed, "{printed}");
            assert_eq!(again.to_string(), printed);
        }
        Err(error) => panic!("{printed}: {error:?}"),
    }
}

// ---- conditions, and what they obviously mean

#[derive(Clone, Debug)]
enum Tree {
    Compare(Leaf, Comparator, Leaf),
    Between(Leaf, Leaf, Leaf),
    In(Leaf, Vec<Leaf>),
    Exists(DocumentPath),
    NotExists(DocumentPath),
    HasType(Leaf, AttributeType),
    BeginsWith(Leaf, Leaf),
    Contains(Leaf, Leaf),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

#[derive(Clone, Debug)]
enum Leaf {
    Path(DocumentPath),
    Value(AttributeValue),
    Size(DocumentPath),
}

/// The text of a condition under construction, and the values of its placeholders.
#[derive(Default)]
struct Writer {
    values: BTreeMap<String, AttributeValue>,
}

impl Writer {
    fn placeholder(&mut self, value: &AttributeValue) -> String {
        let key = format!(":v{}", self.values.len());
        self.values.insert(key.clone(), value.clone());
        key
    }

    fn leaf(&mut self, leaf: &Leaf) -> String {
        match leaf {
            Leaf::Path(path) => path_text(path),
            Leaf::Value(value) => self.placeholder(value),
            Leaf::Size(path) => format!("size({})", path_text(path)),
        }
    }

    fn leaves(&mut self, leaves: &[Leaf]) -> String {
        leaves.iter().map(|leaf| self.leaf(leaf)).collect::<Vec<_>>().join(", ")
    }

    /// With parentheses only where the precedence of the operators needs them.
    fn tree(&mut self, tree: &Tree) -> String {
        match tree {
            Tree::Compare(left, comparator, right) => {
                format!("{} {} {}", self.leaf(left), comparator.symbol(), self.leaf(right))
            }
            Tree::Between(operand, lower, upper) => {
                format!("{} BETWEEN {} AND {}", self.leaf(operand), self.leaf(lower), self.leaf(upper))
            }
            Tree::In(operand, alternatives) => {
                format!("{} IN ({})", self.leaf(operand), self.leaves(alternatives))
            }
            Tree::Exists(path) => format!("attribute_exists({})", path_text(path)),
            Tree::NotExists(path) => format!("attribute_not_exists({})", path_text(path)),
            Tree::HasType(operand, named) => {
                let name = AttributeValue::S(named.name().to_owned());
                format!("attribute_type({}, {})", self.leaf(operand), self.placeholder(&name))
            }
            Tree::BeginsWith(operand, prefix) => {
                format!("begins_with({}, {})", self.leaf(operand), self.leaf(prefix))
            }
            Tree::Contains(container, part) => {
                format!("contains({}, {})", self.leaf(container), self.leaf(part))
            }
            Tree::Not(inner) => {
                let text = self.tree(inner);
                if matches!(**inner, Tree::And(..) | Tree::Or(..)) {
                    format!("NOT ({text})")
                } else {
                    format!("NOT {text}")
                }
            }
            Tree::And(left, right) => {
                let mut side = |tree: &Tree| {
                    let text = self.tree(tree);
                    if matches!(tree, Tree::Or(..)) { format!("({text})") } else { text }
                };
                format!("{} AND {}", side(left), side(right))
            }
            Tree::Or(left, right) => format!("{} OR {}", self.tree(left), self.tree(right)),
        }
    }
}

/// Nothing for a missing path; nothing inside for a size that does not exist.
fn read(leaf: &Leaf, item: &AttributeMap) -> Option<Option<AttributeValue>> {
    let count = |count: usize| Some(Some(AttributeValue::N(Number::from(count as u64))));
    match leaf {
        Leaf::Value(value) => Some(Some(value.clone())),
        Leaf::Path(path) => walk(path, item).map(Some),
        Leaf::Size(path) => match walk(path, item) {
            Some(AttributeValue::S(text)) => count(text.len()),
            Some(AttributeValue::B(bytes)) => count(bytes.len()),
            Some(AttributeValue::Ss(set)) => count(set.len()),
            Some(AttributeValue::Ns(set)) => count(set.len()),
            Some(AttributeValue::Bs(set)) => count(set.len()),
            Some(AttributeValue::L(list)) => count(list.len()),
            Some(AttributeValue::M(map)) => count(map.len()),
            _ => Some(None),
        },
    }
}

fn walk(path: &DocumentPath, item: &AttributeMap) -> Option<AttributeValue> {
    let mut at = item.get(&*path.attribute)?.clone();
    for step in &path.steps {
        at = match (at, step) {
            (AttributeValue::M(map), PathStep::Name(name)) => map.get(&**name)?.clone(),
            (AttributeValue::L(list), PathStep::Index(index)) => list.get(*index)?.clone(),
            _ => return None,
        };
    }
    Some(at)
}

fn compare(left: &AttributeValue, comparator: Comparator, right: &AttributeValue) -> bool {
    use AttributeValue::{B, N, S};
    match comparator {
        Comparator::Eq => left == right,
        Comparator::Ne => left != right,
        Comparator::Lt => match (left, right) {
            (S(left), S(right)) => left.as_bytes() < right.as_bytes(),
            (N(left), N(right)) => left < right,
            (B(left), B(right)) => left < right,
            _ => false,
        },
        Comparator::Gt => compare(right, Comparator::Lt, left),
        Comparator::Le => {
            compare(left, Comparator::Lt, right)
                || matches!(left, S(_) | N(_) | B(_)) && compare(left, Comparator::Eq, right)
        }
        Comparator::Ge => compare(right, Comparator::Le, left),
    }
}

fn holds(tree: &Tree, item: &AttributeMap) -> bool {
    let read_value = |leaf: &Leaf| read(leaf, item).flatten();
    match tree {
        Tree::Compare(left, comparator, right) => match (read(left, item), read(right, item)) {
            (Some(None), _) | (_, Some(None)) => false,
            (Some(Some(left)), Some(Some(right))) => compare(&left, *comparator, &right),
            _ => *comparator == Comparator::Ne,
        },
        Tree::Between(operand, lower, upper) => {
            match (read_value(operand), read_value(lower), read_value(upper)) {
                (Some(operand), Some(lower), Some(upper)) => {
                    compare(&lower, Comparator::Le, &operand) && compare(&operand, Comparator::Le, &upper)
                }
                _ => false,
            }
        }
        Tree::In(operand, alternatives) => {
            let operand = read_value(operand);
            operand.is_some() && alternatives.iter().any(|alternative| read_value(alternative) == operand)
        }
        Tree::Exists(path) => walk(path, item).is_some(),
        Tree::NotExists(path) => walk(path, item).is_none(),
        Tree::HasType(operand, named) => {
            read_value(operand).is_some_and(|value| value.type_name() == named.name())
        }
        Tree::BeginsWith(operand, prefix) => match (read_value(operand), read_value(prefix)) {
            (Some(AttributeValue::S(whole)), Some(AttributeValue::S(prefix))) => whole.starts_with(&prefix),
            (Some(AttributeValue::B(whole)), Some(AttributeValue::B(prefix))) => whole.starts_with(&prefix),
            _ => false,
        },
        Tree::Contains(container, part) => match (read_value(container), read_value(part)) {
            (Some(AttributeValue::S(whole)), Some(AttributeValue::S(part))) => whole.contains(&part),
            (Some(AttributeValue::B(whole)), Some(AttributeValue::B(part))) => {
                (0..=whole.len()).any(|start| whole[start..].starts_with(&part))
            }
            (Some(AttributeValue::Ss(set)), Some(AttributeValue::S(part))) => set.contains(&part),
            (Some(AttributeValue::Ns(set)), Some(AttributeValue::N(part))) => set.contains(&part),
            (Some(AttributeValue::Bs(set)), Some(AttributeValue::B(part))) => set.contains(&part),
            (Some(AttributeValue::L(list)), Some(part)) => list.contains(&part),
            _ => false,
        },
        Tree::Not(inner) => !holds(inner, item),
        Tree::And(left, right) => holds(left, item) & holds(right, item),
        Tree::Or(left, right) => holds(left, item) | holds(right, item),
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = || {
        prop_oneof![
            3 => path().prop_map(Leaf::Path),
            3 => value().prop_map(Leaf::Value),
            1 => path().prop_map(Leaf::Size),
        ]
    };
    // Operators that refuse other constants get paths and constants they accept.
    let ordered = || {
        let bound = prop_oneof![
            (-2_i64..4).prop_map(|number| AttributeValue::N(number.into())),
            "[ab]{0,2}".prop_map(AttributeValue::S),
        ];
        prop_oneof![2 => path().prop_map(Leaf::Path), 2 => bound.prop_map(Leaf::Value), 1 => path().prop_map(Leaf::Size)]
    };
    let textual = || {
        prop_oneof![
            path().prop_map(Leaf::Path),
            "[ab]{0,2}".prop_map(|text| Leaf::Value(AttributeValue::S(text)))
        ]
    };
    let equality = proptest::sample::select(vec![Comparator::Eq, Comparator::Ne]);
    let ordering =
        proptest::sample::select(vec![Comparator::Lt, Comparator::Le, Comparator::Gt, Comparator::Ge]);
    let types = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];
    let attribute_type =
        proptest::sample::select(types.to_vec()).prop_map(|name| AttributeType::from_name(name).unwrap());
    let test = prop_oneof![
        (leaf(), equality, leaf())
            .prop_map(|(left, comparator, right)| Tree::Compare(left, comparator, right)),
        (ordered(), ordering, ordered())
            .prop_map(|(left, comparator, right)| Tree::Compare(left, comparator, right)),
        (ordered(), ordered(), ordered())
            .prop_map(|(operand, lower, upper)| Tree::Between(operand, lower, upper)),
        (leaf(), proptest::collection::vec(leaf(), 1..4))
            .prop_map(|(operand, others)| Tree::In(operand, others)),
        path().prop_map(Tree::Exists),
        path().prop_map(Tree::NotExists),
        (leaf(), attribute_type).prop_map(|(operand, named)| Tree::HasType(operand, named)),
        (textual(), textual()).prop_map(|(operand, prefix)| Tree::BeginsWith(operand, prefix)),
        (leaf(), leaf()).prop_map(|(container, part)| Tree::Contains(container, part)),
    ];
    test.prop_recursive(5, 32, 2, |inner| {
        let pair = || (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|inner| Tree::Not(Box::new(inner))),
            pair().prop_map(|(left, right)| Tree::And(Box::new(left), Box::new(right))),
            pair().prop_map(|(left, right)| Tree::Or(Box::new(left), Box::new(right))),
        ]
    })
}

// ---- updates, and what they obviously do

/// A value whose lists know their elements by position: putting, removing and appending are all the same to them.
#[derive(Clone, Debug)]
enum Loose {
    Whole(AttributeValue),
    List(BTreeMap<usize, Loose>),
    Map(BTreeMap<String, Loose>),
}

impl Loose {
    fn from(value: &AttributeValue) -> Self {
        match value {
            AttributeValue::L(elements) => Self::List(elements.iter().map(Self::from).enumerate().collect()),
            AttributeValue::M(members) => {
                Self::Map(members.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect())
            }
            whole => Self::Whole(whole.clone()),
        }
    }

    fn into_value(self) -> AttributeValue {
        match self {
            Self::Whole(value) => value,
            Self::List(elements) => AttributeValue::L(elements.into_values().map(Self::into_value).collect()),
            Self::Map(members) => AttributeValue::M(
                members.into_iter().map(|(name, value)| (name, value.into_value())).collect(),
            ),
        }
    }

    /// Puts a value at the end of the steps, with the containers on the way.
    fn place(&mut self, steps: &[PathStep], value: &AttributeValue) {
        let Some((step, rest)) = steps.split_first() else {
            *self = Self::from(value);
            return;
        };
        let nothing = || Self::Whole(AttributeValue::Null);
        match step {
            PathStep::Name(name) => {
                if !matches!(self, Self::Map(_)) {
                    *self = Self::Map(BTreeMap::new());
                }
                if let Self::Map(members) = self {
                    members.entry(name.to_string()).or_insert_with(nothing).place(rest, value);
                }
            }
            PathStep::Index(index) => {
                if !matches!(self, Self::List(_)) {
                    *self = Self::List(BTreeMap::new());
                }
                if let Self::List(elements) = self {
                    elements.entry(*index).or_insert_with(nothing).place(rest, value);
                }
            }
        }
    }

    /// Puts a value at the end of the steps, or removes what is there. False if there is no such place.
    fn change(&mut self, steps: &[PathStep], value: Option<&AttributeValue>) -> bool {
        match (self, steps) {
            (Self::Map(members), [PathStep::Name(name)]) => {
                match value {
                    Some(value) => members.insert(name.to_string(), Self::from(value)),
                    None => members.remove(&**name),
                };
                true
            }
            (Self::List(elements), [PathStep::Index(index)]) => {
                match value {
                    Some(value) => elements.insert(*index, Self::from(value)),
                    None => elements.remove(index),
                };
                true
            }
            (Self::Map(members), [PathStep::Name(name), rest @ ..]) => {
                members.get_mut(&**name).is_some_and(|inner| inner.change(rest, value))
            }
            (Self::List(elements), [PathStep::Index(index), rest @ ..]) => {
                elements.get_mut(index).is_some_and(|inner| inner.change(rest, value))
            }
            _ => false,
        }
    }
}

/// Everywhere in an item that something is, or next to it could be.
fn places(item: &AttributeMap) -> Vec<DocumentPath> {
    fn inside(value: &AttributeValue, at: &DocumentPath, places: &mut Vec<DocumentPath>) {
        let below = |step: PathStep| {
            let mut path = at.clone();
            path.steps.push(step);
            path
        };
        places.push(at.clone());
        match value {
            AttributeValue::L(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    inside(element, &below(PathStep::Index(index)), places);
                }
                places.push(below(PathStep::Index(elements.len())));
                places.push(below(PathStep::Index(elements.len() + 2)));
            }
            AttributeValue::M(members) => {
                for (name, member) in members {
                    inside(member, &below(PathStep::Name(name.as_str().into())), places);
                }
                places.push(below(PathStep::Name("d".into())));
            }
            _ => {}
        }
    }
    let mut places = vec![DocumentPath::from("d")];
    for (name, value) in item {
        inside(value, &DocumentPath::from(name.as_str()), &mut places);
    }
    places
}

/// An item with lists and maps, and actions mostly on what it has. Their values are known, so that only places and
/// positions are in question.
fn item_and_actions() -> impl Strategy<Value = (AttributeMap, Vec<UpdateAction>)> {
    let attribute = prop_oneof![
        3 => proptest::collection::vec(value(), 1..5).prop_map(AttributeValue::L),
        2 => proptest::collection::btree_map(name(), value(), 1..3).prop_map(AttributeValue::M),
        1 => scalar(),
    ];
    proptest::collection::btree_map(name(), attribute, 1..4).prop_flat_map(|item| {
        let places = places(&item);
        (Just(item), actions(places))
    })
}

fn actions(places: Vec<DocumentPath>) -> impl Strategy<Value = Vec<UpdateAction>> {
    let places = proptest::sample::select(places);
    let place = || prop_oneof![20 => places.clone(), 1 => path()];
    let set = |value: UpdateValue, target| UpdateAction::Set { target, value };
    let action = prop_oneof![
        4 => (place(), value()).prop_map(move |(target, value)| set(Literal::from(value).into(), target)),
        2 => (place(), place()).prop_map(move |(target, from)| set(from.into(), target)),
        4 => place().prop_map(|target| UpdateAction::Remove { target }),
        1 => (place(), (0_i64..3)).prop_map(|(target, number)| UpdateAction::Add {
            target,
            value: AttributeValue::N(number.into()).into(),
        }),
        1 => (place(), proptest::collection::btree_set("[ab]{0,2}", 1..3)).prop_map(|(target, set)| {
            UpdateAction::Delete { target, value: AttributeValue::Ss(set).into() }
        }),
    ];
    proptest::collection::vec(action, 0..6)
}

/// The item after the actions, done one by one to an item whose positions do not move.
fn slowly_applied(actions: &[UpdateAction], before: &AttributeMap) -> Option<AttributeMap> {
    let mut after = Loose::from(&AttributeValue::M(before.clone()));
    for action in actions {
        let target = action.target();
        let steps = all_steps(target);
        let existing = walk(target, before);
        let value = match action {
            UpdateAction::Set { .. } => {
                // The literal or path the action was made of: an update of a top-level attribute shows it.
                let alone = Update::new(vec![with_target(action, "shown")]).unwrap();
                Some(alone.apply(Some(before)).ok()?.item?.remove("shown")?)
            }
            UpdateAction::Remove { .. } => None,
            UpdateAction::Add { value, .. } => Some(match (existing, &**value) {
                (None, value) => value.clone(),
                (Some(AttributeValue::N(existing)), AttributeValue::N(more)) => {
                    AttributeValue::N(existing.checked_add(more).ok()?)
                }
                _ => return None,
            }),
            UpdateAction::Delete { value, .. } => match (existing, &**value) {
                (None, _) => None,
                (Some(AttributeValue::Ss(existing)), AttributeValue::Ss(less)) => {
                    let rest: std::collections::BTreeSet<_> = existing.difference(less).cloned().collect();
                    (!rest.is_empty()).then_some(AttributeValue::Ss(rest))
                }
                _ => return None,
            },
        };
        if !after.change(&steps, value.as_ref()) {
            return None;
        }
    }
    match after.into_value() {
        AttributeValue::M(item) => Some(item),
        _ => None,
    }
}

/// What an item holds at paths.
fn slowly_projected<'p>(
    paths: impl IntoIterator<Item = &'p DocumentPath>,
    item: &AttributeMap,
) -> AttributeMap {
    let mut found = Loose::Map(BTreeMap::new());
    for path in paths {
        if let Some(value) = walk(path, item) {
            found.place(&all_steps(path), &value);
        }
    }
    match found.into_value() {
        AttributeValue::M(found) => found,
        _ => AttributeMap::new(),
    }
}

fn all_steps(path: &DocumentPath) -> Vec<PathStep> {
    std::iter::once(PathStep::Name(path.attribute.clone())).chain(path.steps.clone()).collect()
}

fn with_target(action: &UpdateAction, attribute: &str) -> UpdateAction {
    match action.clone() {
        UpdateAction::Set { value, .. } => UpdateAction::Set { target: attribute.into(), value },
        other => other,
    }
}

/// Whether an action puts something at an index past a list's end.
fn appends(action: &UpdateAction, before: &AttributeMap) -> bool {
    let target = action.target();
    matches!(target.steps.last(), Some(PathStep::Index(_)))
        && walk(target, before).is_none()
        && !matches!(action, UpdateAction::Remove { .. } | UpdateAction::Delete { .. })
}

/// The last step of a path that is an index, and the path without it.
fn index_and_container(target: &DocumentPath) -> (usize, DocumentPath) {
    let mut container = target.clone();
    match container.steps.pop() {
        Some(PathStep::Index(index)) => (index, container),
        _ => panic!("not an element of a list"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(text in any_text(), v in value(), w in value(), item in document()) {
        let mut bindings = some_bindings(v, w);
        if let Ok(parsed) = ParsedCondition::parse(&text) {
            check_printed(&parsed, ParsedCondition::parse);
            if let Ok(condition) = parsed.bind(&mut bindings) {
                let holds = condition.evaluate(&item);
                prop_assert_eq!(condition.not().evaluate(&item), !holds);
            }
        }
        if let Ok(parsed) = ParsedKeyCondition::parse(&text)
            && parsed.bind(&mut bindings).is_ok()
        {
            check_printed(&parsed, ParsedKeyCondition::parse);
        }
        if let Ok(parsed) = ParsedProjection::parse(&text) {
            check_printed(&parsed, ParsedProjection::parse);
            if let Ok(projection) = parsed.bind(&mut bindings) {
                projection.apply(&item);
            }
        }
        if let Ok(parsed) = ParsedUpdate::parse(&text) {
            check_printed(&parsed, ParsedUpdate::parse);
            if let Ok(update) = parsed.bind(&mut bindings) {
                let _ = update.apply(Some(&item));
                let _ = update.apply(None);
            }
        }
    }

    #[test]
    fn conditions_hold_where_they_obviously_do(tree in tree(), items in proptest::collection::vec(document(), 1..6)) {
        let mut writer = Writer::default();
        let text = writer.tree(&tree);
        let parsed = ParsedCondition::parse(&text).unwrap();
        check_printed(&parsed, ParsedCondition::parse);
        let values = (!writer.values.is_empty()).then_some(writer.values);
        let mut bindings = Bindings::new(None, values).unwrap();
        // The same path on both sides, constants of a wrong type and bounds out of order are refused.
        let bound = parsed.bind(&mut bindings);
        prop_assume!(bound.is_ok());
        let condition = bound.unwrap();
        prop_assert_eq!(bindings.check_all_mentioned(), Ok(()));
        for item in items {
            prop_assert_eq!(condition.evaluate(&item), holds(&tree, &item), "{} on {:?}", text, item);
        }
    }

    #[test]
    fn updates_do_what_they_obviously_do((before, actions) in item_and_actions()) {
        let clashing = actions.iter().enumerate().any(|(number, action)| {
            actions[..number].iter().any(|earlier| clash(earlier.target(), action.target()))
        });
        prop_assert_eq!(Update::new(actions.clone()).is_err(), clashing);
        let update = Update::new(without_clashes(actions, UpdateAction::target)).unwrap();
        let updated = update.apply(Some(&before));
        prop_assert_eq!(
            updated.as_ref().ok().and_then(|updated| updated.item.clone()),
            slowly_applied(update.actions(), &before)
        );
        let old = slowly_projected(update.targets(), &before);
        prop_assert_eq!(update.updated_old(Some(&before)).unwrap_or_default(), old);
        if let Ok(updated) = updated {
            // What is set is returned as it stands in the item, save for what was appended under another index.
            let in_place = update.actions().iter().filter(|action| {
                !appends(action, &before) || {
                    let (index, container) = index_and_container(action.target());
                    let length = match walk(&container, &before) {
                        Some(AttributeValue::L(elements)) => elements.len(),
                        _ => 0,
                    };
                    let siblings = update.actions().iter().filter(|other| appends(other, &before));
                    let siblings = siblings.map(|other| index_and_container(other.target()));
                    let rank = siblings.filter(|(other, beside)| *beside == container && *other < index).count();
                    index == length + rank
                }
            });
            let new = slowly_projected(in_place.map(UpdateAction::target), updated.item.as_ref().unwrap());
            prop_assert_eq!(update.updated_new(&updated).unwrap_or_default(), new);
        }
        if let Ok(created) = update.apply(None) {
            prop_assert_eq!(created.item.is_none(), update.only_removes());
        }
    }

    #[test]
    fn projections_keep_what_their_paths_find(paths in proptest::collection::vec(path(), 1..6), item in document()) {
        let paths = without_clashes(paths, |path| path);
        let text = paths.iter().map(path_text).collect::<Vec<_>>().join(", ");
        let projection = ParsedProjection::parse(&text).unwrap().bind(&mut Bindings::default()).unwrap();
        prop_assert_eq!(projection.paths(), &paths);
        prop_assert_eq!(projection.apply(&item), slowly_projected(&paths, &item));
    }
}
