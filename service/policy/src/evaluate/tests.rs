//! The order.
