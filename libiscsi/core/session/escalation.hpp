#pragma once

#include <cstdint>

// The ladder of error handling (SAM-5 §7, RFC 7143 §11.5): what a function asks for that was
// refused, or not answered in time, is asked for with a wider one.
//
// A step that ends tasks of other units too (TARGET WARM RESET, a new connection) is taken only
// while no other unit is answered: then it costs nobody anything. Else the unit gets its reset a
// second time, with the patience of a target reset, and is then lost alone. A target that answers
// with a refusal ends the task only with the session (§6.3.5), which is worth one new connection.
namespace iscsi {

enum class rung : std::uint8_t {
    // ABORT TASK: one command.
    abort_task,

    // LOGICAL UNIT RESET: all commands of the unit. The second one has the patience of a target
    // reset.
    reset_unit,
    reset_unit_again,

    // TARGET WARM RESET: all commands of the target's units, ours and others'.
    reset_target,

    // Session reinstatement ends what is left of the old session (§6.3.5).
    new_connection,

    // Its commands end without the target.
    lose_unit,
};

struct ladder_view {
    bool refused = false;        // answered, with a refusal
    bool others_live = false;    // another unit was answered since the first function
    bool had_connection = false; // the unit has had its new connection already
};

constexpr rung next_rung(rung tried, const ladder_view& seen) {
    const auto last = seen.had_connection ? rung::lose_unit : rung::new_connection;
    switch (tried) {
    case rung::abort_task:
        return rung::reset_unit;
    case rung::reset_unit:
        if (!seen.others_live)
            return rung::reset_target;
        return seen.refused ? last : rung::reset_unit_again;
    case rung::reset_unit_again:
        return seen.refused ? last : rung::lose_unit;
    case rung::reset_target:
    case rung::new_connection:
    case rung::lose_unit:
        break;
    }
    return last;
}

static_assert(next_rung(rung::abort_task, {}) == rung::reset_unit);
static_assert(next_rung(rung::reset_unit, {}) == rung::reset_target);
static_assert(next_rung(rung::reset_unit, {.others_live = true}) == rung::reset_unit_again);
static_assert(next_rung(rung::reset_target, {.had_connection = true}) == rung::lose_unit);

} // namespace iscsi
