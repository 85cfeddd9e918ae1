#pragma once

#include "libiscsi/base/table.hpp"

#include <array>
#include <cstdint>

// What may be sent to a logical unit, as a table: what happens, and where that leads. Two things
// hold a unit, each of its own accord: its user asks which unit it is, and writes of a lost
// connection are not yet out of the way.
namespace iscsi {

// Names that end in `_asked`: the same while its user asks which unit it is. Then questions go at
// most, and let_go() leads back.
enum class unit_state : std::uint8_t {
    // Everything may go.
    open,
    asked,

    // Writes of a lost connection may still run there, for targets differ in whether session
    // reinstatement (RFC 7143 §6.3.5) has ended them: nothing goes before a reset is answered, not
    // even a question, which the reset would end.
    reset_pending,
    reset_asked,

    // Those writes have been issued again. New commands wait for their ends, for they must not
    // overtake a write that was promised to be before them.
    replaying,
    replaying_asked,

    // The ladder has come to its end without an answer: commands end at once, until a reset is
    // answered after all.
    lost,
    lost_asked,
};

enum class unit_event : std::uint8_t {
    // Its user begins to ask, and knows.
    hold,
    let_go,

    // A connection has ended under unanswered writes; or a reset is wanted first.
    writes_lost,

    // Commands that others must keep their order to are to go out again; each of them is answered.
    replays_begun,
    replays_over,

    // Writes of before cannot run any more, or the target is trusted to have ended them.
    reset_over,

    // The ladder has come to its end.
    unanswered,
};

struct unit_row {
    unit_state now;
    unit_event what;
    unit_state next;
};

// clang-format off
inline constexpr std::array unit_table{
    unit_row{unit_state::open,            unit_event::hold,          unit_state::asked},
    unit_row{unit_state::open,            unit_event::writes_lost,   unit_state::reset_pending},
    unit_row{unit_state::open,            unit_event::replays_begun, unit_state::replaying},
    unit_row{unit_state::open,            unit_event::unanswered,    unit_state::lost},

    unit_row{unit_state::asked,           unit_event::let_go,        unit_state::open},
    unit_row{unit_state::asked,           unit_event::writes_lost,   unit_state::reset_asked},
    unit_row{unit_state::asked,           unit_event::replays_begun, unit_state::replaying_asked},
    unit_row{unit_state::asked,           unit_event::unanswered,    unit_state::lost_asked},

    unit_row{unit_state::reset_pending,   unit_event::hold,          unit_state::reset_asked},
    unit_row{unit_state::reset_pending,   unit_event::reset_over,    unit_state::replaying},
    unit_row{unit_state::reset_pending,   unit_event::unanswered,    unit_state::lost},

    unit_row{unit_state::reset_asked,     unit_event::let_go,        unit_state::reset_pending},
    unit_row{unit_state::reset_asked,     unit_event::reset_over,    unit_state::replaying_asked},
    unit_row{unit_state::reset_asked,     unit_event::unanswered,    unit_state::lost_asked},

    unit_row{unit_state::replaying,       unit_event::hold,          unit_state::replaying_asked},
    unit_row{unit_state::replaying,       unit_event::writes_lost,   unit_state::reset_pending},
    unit_row{unit_state::replaying,       unit_event::replays_over,  unit_state::open},
    unit_row{unit_state::replaying,       unit_event::unanswered,    unit_state::lost},

    unit_row{unit_state::replaying_asked, unit_event::let_go,        unit_state::replaying},
    unit_row{unit_state::replaying_asked, unit_event::writes_lost,   unit_state::reset_asked},
    unit_row{unit_state::replaying_asked, unit_event::replays_over,  unit_state::asked},
    unit_row{unit_state::replaying_asked, unit_event::unanswered,    unit_state::lost_asked},

    unit_row{unit_state::lost,            unit_event::hold,          unit_state::lost_asked},
    unit_row{unit_state::lost,            unit_event::reset_over,    unit_state::open},
    unit_row{unit_state::lost_asked,      unit_event::let_go,        unit_state::lost},
    unit_row{unit_state::lost_asked,      unit_event::reset_over,    unit_state::asked},
};

// clang-format on

// What is not in the table changes nothing.
constexpr unit_state advance(unit_state now, unit_event what) {
    const auto* const row = find_row(unit_table, now, what);
    return row == nullptr ? now : row->next;
}

constexpr bool is_lost(unit_state now) {
    return now == unit_state::lost || now == unit_state::lost_asked;
}

// A reset must be answered before anything goes there again.
constexpr bool wants_reset(unit_state now) {
    return now == unit_state::reset_pending || now == unit_state::reset_asked || is_lost(now);
}

constexpr bool lets_questions_go(unit_state now) {
    return !wants_reset(now);
}

constexpr bool lets_replays_go(unit_state now) {
    return now == unit_state::open || now == unit_state::replaying;
}

constexpr bool lets_all_go(unit_state now) {
    return now == unit_state::open;
}

static_assert(has_one_row_each(unit_table));
static_assert(advance(unit_state::lost, unit_event::writes_lost) == unit_state::lost);
static_assert(
    advance(advance(unit_state::asked, unit_event::writes_lost), unit_event::let_go) ==
    unit_state::reset_pending
);

} // namespace iscsi
