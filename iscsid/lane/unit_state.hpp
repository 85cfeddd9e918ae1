#pragma once

#include "libiscsi/base/table.hpp"

#include <array>
#include <cstdint>

// Whether the commands of a logical unit may be sent, as a table: what was learned of the unit,
// where that leads, what must be done. Pure: asking and waiting are identity_check's.
namespace iscsid::lane {

enum class unit_state : std::uint8_t {
    unwatched, // it has no disk, or one of which no identity was recorded: its commands go
    confirmed, // it has shown on this connection that it is the one its disk was made of
    in_doubt,  // it is being asked; its commands wait in the session, those that only ask go ahead
    other,     // another unit answers under its number: requests end with EIO
    silent,    // it has not answered for as long as any command is repeated: ETIMEDOUT
};

enum class unit_happening : std::uint8_t {
    doubted,   // a disk has moved in, the connection is a new one, the target says that it changed
    same,      // it has shown the recorded identity
    other,     // it shows another one, or no unit is there, for too long
    silent,    // it does not answer, or asks for patience, for too long
    unclear,   // it answers, but does not say who it is
    abandoned, // its last disk has moved out
};

enum class unit_action : std::uint8_t {
    none,
    hold,   // in the session: nothing is sent but what goes ahead
    let_go, // what was held goes out, in its order
    fail,   // all requests, those too that are held or were sent
};

struct unit_step {
    unit_state next = unit_state::unwatched;
    unit_action what = unit_action::none;
    friend constexpr bool operator==(const unit_step&, const unit_step&) = default;
};

struct unit_row {
    unit_state now;
    unit_happening what;
    unit_step step;
};

// A unit stays held while it is `other` or `silent`. What is failed comes back only by its own
// answer; one that turns silent after having been another one stays that.
// clang-format off
inline constexpr std::array unit_table{
    unit_row{unit_state::unwatched, unit_happening::doubted,   {unit_state::in_doubt,  unit_action::hold}},

    unit_row{unit_state::confirmed, unit_happening::doubted,   {unit_state::in_doubt,  unit_action::hold}},
    unit_row{unit_state::confirmed, unit_happening::abandoned, {unit_state::unwatched, unit_action::none}},

    unit_row{unit_state::in_doubt,  unit_happening::same,      {unit_state::confirmed, unit_action::let_go}},
    unit_row{unit_state::in_doubt,  unit_happening::other,     {unit_state::other,     unit_action::fail}},
    unit_row{unit_state::in_doubt,  unit_happening::silent,    {unit_state::silent,    unit_action::fail}},
    unit_row{unit_state::in_doubt,  unit_happening::unclear,   {unit_state::confirmed, unit_action::let_go}},
    unit_row{unit_state::in_doubt,  unit_happening::abandoned, {unit_state::unwatched, unit_action::let_go}},

    unit_row{unit_state::other,     unit_happening::same,      {unit_state::confirmed, unit_action::let_go}},
    unit_row{unit_state::other,     unit_happening::abandoned, {unit_state::unwatched, unit_action::let_go}},

    unit_row{unit_state::silent,    unit_happening::doubted,   {unit_state::in_doubt,  unit_action::none}},
    unit_row{unit_state::silent,    unit_happening::same,      {unit_state::confirmed, unit_action::let_go}},
    unit_row{unit_state::silent,    unit_happening::other,     {unit_state::other,     unit_action::fail}},
    unit_row{unit_state::silent,    unit_happening::unclear,   {unit_state::confirmed, unit_action::let_go}},
    unit_row{unit_state::silent,    unit_happening::abandoned, {unit_state::unwatched, unit_action::let_go}},
};

// clang-format on

// What is not in the table changes nothing.
constexpr unit_step advance(unit_state now, unit_happening what) {
    const auto* const row = iscsi::find_row(unit_table, now, what);
    return row == nullptr ? unit_step{now, unit_action::none} : row->step;
}

static_assert(iscsi::has_one_row_each(unit_table));
static_assert(advance(unit_state::other, unit_happening::unclear).next == unit_state::other);
static_assert(advance(unit_state::other, unit_happening::silent).what == unit_action::none);
static_assert(advance(unit_state::in_doubt, unit_happening::doubted).next == unit_state::in_doubt);

} // namespace iscsid::lane
