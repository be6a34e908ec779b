//! Holds the API to what decoders in other languages can take: they refuse messages nested more than 100 deep, and a
//! value nested 32 levels deep needs 93 of these for itself.

// The helpers here are tests too: to fail loudly is their purpose.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet};
use std::collections::BTreeMap;

/// Messages by their full names.
type Messages<'a> = BTreeMap<String, &'a DescriptorProto>;

fn add_messages<'a>(scope: &str, messages: &'a [DescriptorProto], all: &mut Messages<'a>) {
    for message in messages {
        let name = format!("{scope}.{}", message.name());
        add_messages(&name, &message.nested_type, all);
        all.insert(name, message);
    }
}

/// The longest way from a message down to `target`, in messages above it; none if there is no way.
fn layers_above(target: &str, from: &str, messages: &Messages<'_>) -> Option<usize> {
    let fields = messages[from].field.iter().filter(|field| !field.type_name().is_empty());
    let below = fields.filter_map(|field| match field.type_name() {
        name if name == target => Some(0),
        ".cairn.v1.AttributeValue" => None,
        name if messages.contains_key(name) => layers_above(target, name, messages),
        _ => None,
    });
    below.max().map(|layers| layers + 1)
}

#[test]
fn items_and_values_leave_decoders_the_depth_their_nesting_needs() {
    let descriptors = FileDescriptorSet::decode(cairn_api::FILE_DESCRIPTOR_SET).unwrap();
    let mut messages = Messages::new();
    for file in &descriptors.file {
        add_messages(&format!(".{}", file.package()), &file.message_type, &mut messages);
    }
    let methods =
        || descriptors.file.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
    let deepest = |target: &str| {
        let tops = methods().flat_map(|method| [method.input_type(), method.output_type()]);
        let with_depths = tops.filter_map(|top| Some((layers_above(target, top, &messages)?, top)));
        with_depths.max().unwrap()
    };

    let (layers, top) = deepest(".cairn.v1.Item");
    assert!(layers <= 4, "{top} has {layers} messages above an item");
    // Each further level of nesting is a map value, its entry and the value in it. The top message is not nested.
    let (layers, top) = deepest(".cairn.v1.AttributeValue");
    assert!(layers + 3 * 31 <= 100, "{top} has {layers} messages above a value");
}
