#pragma once

#include "libiscsi/base/table.hpp"

#include <array>
#include <cstdint>

// The life of a session in the daemon, from the wish for it to its end, as a table: what happens,
// where that leads, what must be done. Pure. What its connection does meanwhile is told apart
// (supervisor), and how the engine logs in is the engine's own table (core/session/lifecycle).
namespace iscsid::session {

enum class phase : std::uint8_t {
    asked,      // a client wants it, or an earlier daemon has left it; on no lane yet
    logging_in, // on its lane, which connects and logs in until that succeeds, cannot, or is late
    looking,    // logged in for the first time; the target is asked for its LUNs
    attaching,  // the first disks are made, on a worker
    running,    // its disks are there, whatever the connection does
    removing,   // a logout: its disks are taken away, on a worker
    closing,    // without disks; Logout is out, then the lane lets go
    failing,    // the same for a login that has failed or was cancelled: it never was a session
    left,       // for the next daemon: its disks are not touched any more
    ended,
};

enum class happening : std::uint8_t {
    adopted,       // by a lane, to log in
    resumed,       // by a lane, where an earlier daemon ended
    logged_in,     // for the first time
    login_failed,  // for good, or there is no time left
    luns_seen,     // there is something to make disks of, or nothing
    disks_ready,   // all, or those that could be made
    no_disks,      // some should be there, none could be made
    logout_asked,  //
    session_over,  // the target, or reopen_max, has ended it
    disks_in_use,  // nothing was taken away
    disks_removed, //
    lane_let_go,   // nothing of it is left there
    daemon_ends,   // and the session is to outlive it
};

enum class action : std::uint8_t {
    none,
    look_at_luns,
    announce,     // tell the log, and do what was put off
    remove_disks, //
    resume_work,  // what was put off for a logout that was refused
    close,
    finish, // whoever keeps the table forgets it
};

struct phase_step {
    phase next = phase::asked;
    action what = action::none;
    friend constexpr bool operator==(const phase_step&, const phase_step&) = default;
};

struct phase_row {
    phase now;
    happening what;
    phase_step step;
};

// clang-format off
inline constexpr std::array phase_table{
    phase_row{phase::asked,      happening::adopted,       {phase::logging_in, action::none}},
    phase_row{phase::asked,      happening::resumed,       {phase::running,    action::none}},

    phase_row{phase::logging_in, happening::logged_in,     {phase::looking,    action::look_at_luns}},
    phase_row{phase::logging_in, happening::login_failed,  {phase::failing,    action::close}},
    phase_row{phase::logging_in, happening::logout_asked,  {phase::failing,    action::close}},
    phase_row{phase::logging_in, happening::session_over,  {phase::failing,    action::close}},

    phase_row{phase::looking,    happening::luns_seen,     {phase::attaching,  action::none}},
    phase_row{phase::looking,    happening::login_failed,  {phase::failing,    action::close}},
    phase_row{phase::looking,    happening::logout_asked,  {phase::failing,    action::close}},
    phase_row{phase::looking,    happening::session_over,  {phase::failing,    action::close}},

    // A worker makes disks: whatever is asked meanwhile waits for that.
    phase_row{phase::attaching,  happening::disks_ready,   {phase::running,    action::announce}},
    phase_row{phase::attaching,  happening::no_disks,      {phase::failing,    action::close}},

    phase_row{phase::running,    happening::logout_asked,  {phase::removing,   action::remove_disks}},
    phase_row{phase::running,    happening::session_over,  {phase::removing,   action::remove_disks}},

    phase_row{phase::removing,   happening::disks_in_use,  {phase::running,    action::resume_work}},
    phase_row{phase::removing,   happening::disks_removed, {phase::closing,    action::close}},

    phase_row{phase::closing,    happening::lane_let_go,   {phase::ended,      action::finish}},
    phase_row{phase::failing,    happening::lane_let_go,   {phase::ended,      action::finish}},

    phase_row{phase::asked,      happening::daemon_ends,   {phase::left,       action::none}},
    phase_row{phase::logging_in, happening::daemon_ends,   {phase::left,       action::none}},
    phase_row{phase::looking,    happening::daemon_ends,   {phase::left,       action::none}},
    phase_row{phase::attaching,  happening::daemon_ends,   {phase::left,       action::none}},
    phase_row{phase::running,    happening::daemon_ends,   {phase::left,       action::none}},
    phase_row{phase::removing,   happening::daemon_ends,   {phase::left,       action::none}},
    phase_row{phase::closing,    happening::daemon_ends,   {phase::left,       action::none}},
    phase_row{phase::failing,    happening::daemon_ends,   {phase::left,       action::none}},
};

// clang-format on

// What is not in the table changes nothing.
constexpr phase_step advance(phase now, happening what) {
    const auto* const row = iscsi::find_row(phase_table, now, what);
    return row == nullptr ? phase_step{now, action::none} : row->step;
}

// Whether its login has succeeded, so that it has something to lose.
constexpr bool is_established(phase now) {
    return now == phase::running || now == phase::removing || now == phase::closing ||
           now == phase::left;
}

// Whether it is on the way to be established, one way or the other.
constexpr bool is_being_made(phase now) {
    return now == phase::asked || now == phase::logging_in || now == phase::looking ||
           now == phase::attaching;
}

// A login that failed is none any more, although the rest of it is still cleared away.
constexpr bool is_listed(phase now) {
    return is_established(now) || is_being_made(now);
}

// Every phase but the last two ends when the daemon does, whatever else it waits for.
constexpr bool can_always_be_left() {
    for (const auto& row : phase_table)
        if (advance(row.now, happening::daemon_ends).next != phase::left)
            return false;
    return true;
}

static_assert(iscsi::has_one_row_each(phase_table));
static_assert(can_always_be_left());
static_assert(advance(phase::running, happening::logged_in).what == action::none);
static_assert(advance(phase::attaching, happening::logout_asked).next == phase::attaching);
static_assert(advance(phase::removing, happening::logout_asked).what == action::none);
static_assert(advance(phase::left, happening::logout_asked).next == phase::left);
static_assert(advance(phase::left, happening::disks_removed).what == action::none);
static_assert(advance(phase::ended, happening::daemon_ends).next == phase::ended);

} // namespace iscsid::session
