//! The list of all promises, and the macros that make tests of them.

/// Expands to one test for each promise of an engine, named after it, in a module for each theme.
///
/// `$subject` is an expression for a [`Subject`](crate::Subject); each test evaluates it anew. With `persistent` the
/// tests that reopen stores are there too, for which its stores are [`Reopen`](crate::Reopen).
#[macro_export]
macro_rules! conformance {
    ($subject:expr) => {
        $crate::__tests! { $subject;
            spaces {
                the_system_space_is_always_there,
                spaces_are_listed_in_order,
                creating_a_space_twice_changes_nothing,
                a_space_created_by_many_at_once_is_one_space,
                dropping_a_space_that_is_not_there_is_no_error,
                a_dropped_space_takes_its_records_and_counters_along,
                a_recreated_space_is_empty,
                reading_an_unknown_space_is_space_not_found,
                a_write_to_an_unknown_space_undoes_the_whole_commit,
                declaring_a_key_of_an_unknown_space_is_space_not_found,
                transactions_racing_with_a_drop_are_whole_or_fail,
                a_snapshot_from_before_a_drop_is_whole_or_says_so,
                a_space_past_the_limit_is_refused,
            }
            atomicity {
                a_commit_spans_keys_spaces_and_counters,
                spaces_do_not_share_keys,
                puts_replace_and_deletes_remove,
                of_two_writes_to_one_key_the_later_stands,
                a_counter_begins_at_zero,
                additions_to_a_counter_add_up,
                a_counter_wraps_at_the_ends_of_its_range,
                counters_are_apart_from_each_other_and_from_records,
                a_key_of_a_wrong_length_is_refused,
                a_commit_may_hold_thousands_of_writes,
                the_newest_commit_has_a_greater_number,
            }
            decisions {
                a_decision_sees_its_keys_in_the_order_they_were_declared,
                a_key_may_be_declared_twice,
                a_transaction_may_declare_no_keys,
                a_decision_may_write_undeclared_keys,
                a_transaction_may_declare_a_hundred_keys,
                a_decision_without_writes_changes_nothing,
                a_decision_without_writes_rests_on_what_is_durable,
                only_the_last_run_of_a_decision_counts,
                a_panic_in_a_decision_fails_that_transaction_only,
            }
            isolation {
                increments_of_one_key_are_never_lost,
                increments_of_many_keys_are_never_lost,
                a_transaction_given_up_for_a_conflict_has_changed_nothing,
                of_many_conditional_creations_one_succeeds,
                the_sum_of_all_accounts_never_moves,
                write_skew_on_declared_keys_is_impossible,
                what_a_declared_key_owns_stays_in_step_with_it,
                additions_by_many_tasks_are_never_lost,
                a_transaction_sees_what_was_acknowledged_before_it,
            }
            snapshots {
                a_snapshot_does_not_show_later_commits,
                each_held_snapshot_keeps_its_own_moment,
                a_clone_shows_the_same_moment,
                get_many_answers_in_the_order_of_its_keys,
                no_snapshot_shows_a_part_of_a_commit,
                a_strong_snapshot_shows_the_callers_own_writes,
                a_strong_snapshot_shows_what_others_were_told,
                a_strong_snapshot_shows_the_spaces_made_before_it,
            }
            scans {
                a_scan_keeps_to_its_bounds,
                a_prefix_scan_finds_what_extends_the_prefix,
                empty_and_inverted_ranges_hold_nothing,
                a_scan_ends_with_the_record_its_visitor_breaks_at,
                a_visitor_comes_back_unused_from_an_empty_range,
                a_closure_may_visit,
                keys_are_ordered_bytewise,
                the_longest_keys_are_kept_whole,
                values_of_every_size_come_back_whole,
                a_panic_in_a_visitor_fails_that_scan_only,
            }
            paging {
                pages_put_together_are_the_range,
            }
            model {
                an_engine_does_what_its_model_does,
            }
            cancellation {
                a_dropped_transaction_is_whole_or_absent,
                an_aborted_task_leaves_no_half_transaction,
                a_dropped_transaction_leaves_its_keys_to_others,
                a_dropped_change_of_spaces_is_done_or_not,
                a_dropped_scan_leaves_its_snapshot_usable,
            }
            close {
                a_cloned_engine_is_the_same_store,
                a_fresh_store_is_a_store_of_its_own,
                a_closed_engine_refuses_every_call,
                a_snapshot_of_a_closed_engine_is_right_or_closed,
                closing_answers_every_call_under_way,
            }
            runtimes {
                one_thread_is_enough,
                a_long_scan_leaves_the_runtimes_thread,
            }
        }
    };
    ($subject:expr, persistent) => {
        $crate::conformance!($subject);

        mod persistent {
            use super::*;

            $crate::__tests! { $subject;
                reopen {
                    everything_acknowledged_is_there_after_a_reopen,
                    a_store_may_be_reopened_again_and_again,
                    an_empty_store_may_be_reopened,
                    a_dropped_space_does_not_come_back,
                    a_failed_commit_is_not_there_after_a_reopen,
                    last_commit_does_not_go_back,
                    closing_keeps_exactly_what_was_acknowledged,
                    a_dropped_transaction_is_whole_or_absent_after_a_reopen,
                    a_closed_store_opens_again_while_handles_live,
                    a_closed_store_opens_again_while_snapshots_live,
                }
                model {
                    a_reopened_engine_does_what_its_model_does,
                }
            }
        }
    };
}

/// Makes the tests of the given modules.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($subject:expr; $($theme:ident { $($promise:ident,)+ })+) => {
        $(
            mod $theme {
                use super::*;

                $(
                    #[test]
                    fn $promise() {
                        $crate::run($crate::$theme::$promise($subject));
                    }
                )+
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    /// A promise that is written but not listed would never be tested.
    #[test]
    fn every_promise_is_listed() {
        let themes = [
            include_str!("atomicity.rs"),
            include_str!("cancellation.rs"),
            include_str!("close.rs"),
            include_str!("decisions.rs"),
            include_str!("isolation.rs"),
            include_str!("model.rs"),
            include_str!("paging.rs"),
            include_str!("reopen.rs"),
            include_str!("runtimes.rs"),
            include_str!("scans.rs"),
            include_str!("snapshots.rs"),
            include_str!("spaces.rs"),
        ];
        let listed = include_str!("suite.rs").lines().map(str::trim).collect::<Vec<_>>();
        let mut promises = 0;
        for line in themes.iter().flat_map(|theme| theme.lines()) {
            let Some(signature) = line.strip_prefix("pub async fn ") else { continue };
            let promise = signature.split('<').next().unwrap();
            assert!(listed.contains(&format!("{promise},").as_str()), "{promise} is not listed");
            promises += 1;
        }
        assert!(promises > 60, "found only {promises} promises");
    }
}
