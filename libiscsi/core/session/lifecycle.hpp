#pragma once

#include "libiscsi/base/table.hpp"

#include <array>
#include <cstdint>

// The life of a session as a table: what happens, where that leads, what must be done. Pure:
// waiting, connecting and forgetting are done by others.
namespace iscsi {

// Exactly one at a time. The names say what has been asked of the world and not been answered.
enum class life : std::uint8_t {
    // Nothing is asked: not started, or turned away for good. From here only start() leads on.
    idle,

    // want_transport is out.
    connecting,

    // The login phase (§6.3), bounded by the login timeout.
    in_login,

    // Full feature phase: the only state in which commands go out.
    logged_in,

    // A Logout is out by our own wish (§11.14), with the reason "close the session".
    leaving,

    // A Logout is out because the target asked for it (§11.9.1, event 1), with the reason "close
    // the connection"; we come back.
    moving,

    // want_close is out; then pause and try again.
    dropping,

    // want_close is out; then connect to the address that the target has named (§11.13.5).
    redirecting,

    // want_close is out; then rest, for trying again cannot help.
    refused,

    // want_close is out; then the session is over.
    ending,

    // Time2Wait (§7.5) or back-off. The only state that a timer ends.
    pausing,

    // For good: every task has ended.
    over,
};

// What the world, the target or the user does. Each comes in through one input of the session.
enum class happening : std::uint8_t {
    // The driver and the user.
    start,
    transport_up,
    connect_failed,
    transport_lost,
    logout_asked,

    // The login phase has come to an end; one that failed may succeed later, a refused one will
    // not.
    login_complete,
    login_redirected,
    login_failed,
    login_refused,

    // A rule was broken, a timer has ended, or the target drops it: the transport may be up, but
    // nothing can be said over it any more.
    connection_bad,

    // The target has asked for a Logout, and tasks had their time to end.
    move_asked,
    logout_answered,

    // The timer of `pausing`.
    pause_over,
};

// What the engine does on the way. Exactly one, so that no step can be half done.
enum class action : std::uint8_t {
    none,
    connect,
    begin_login,
    enter_full_feature,
    send_logout,
    close,
    pause,
    finish,
};

// Where it leads and what is done on the way there.
struct life_step {
    life next = life::idle;
    action what = action::none;
    friend constexpr bool operator==(const life_step&, const life_step&) = default;
};

struct life_row {
    life now;
    happening what;
    life_step step;
};

// clang-format off
inline constexpr std::array life_table{
    life_row{life::idle,        happening::start,            {life::connecting,  action::connect}},
    life_row{life::idle,        happening::logout_asked,     {life::over,        action::finish}},

    life_row{life::connecting,  happening::transport_up,     {life::in_login,    action::begin_login}},
    life_row{life::connecting,  happening::connect_failed,   {life::pausing,     action::pause}},
    life_row{life::connecting,  happening::logout_asked,     {life::over,        action::finish}},

    life_row{life::in_login,    happening::login_complete,   {life::logged_in,   action::enter_full_feature}},
    life_row{life::in_login,    happening::login_redirected, {life::redirecting, action::close}},
    life_row{life::in_login,    happening::login_failed,     {life::dropping,    action::close}},
    life_row{life::in_login,    happening::login_refused,    {life::refused,     action::close}},
    life_row{life::in_login,    happening::connection_bad,   {life::dropping,    action::close}},
    life_row{life::in_login,    happening::transport_lost,   {life::pausing,     action::pause}},
    life_row{life::in_login,    happening::logout_asked,     {life::ending,      action::close}},

    life_row{life::logged_in,   happening::connection_bad,   {life::dropping,    action::close}},
    life_row{life::logged_in,   happening::transport_lost,   {life::pausing,     action::pause}},
    life_row{life::logged_in,   happening::move_asked,       {life::moving,      action::send_logout}},
    life_row{life::logged_in,   happening::logout_asked,     {life::leaving,     action::send_logout}},

    life_row{life::moving,      happening::logout_answered,  {life::dropping,    action::close}},
    life_row{life::moving,      happening::connection_bad,   {life::dropping,    action::close}},
    life_row{life::moving,      happening::transport_lost,   {life::pausing,     action::pause}},
    life_row{life::moving,      happening::logout_asked,     {life::leaving,     action::none}},

    life_row{life::leaving,     happening::logout_answered,  {life::over,        action::finish}},
    life_row{life::leaving,     happening::connection_bad,   {life::ending,      action::close}},
    life_row{life::leaving,     happening::transport_lost,   {life::over,        action::finish}},

    life_row{life::dropping,    happening::transport_lost,   {life::pausing,     action::pause}},
    life_row{life::dropping,    happening::logout_asked,     {life::ending,      action::none}},
    life_row{life::redirecting, happening::transport_lost,   {life::connecting,  action::connect}},
    life_row{life::redirecting, happening::logout_asked,     {life::ending,      action::none}},
    life_row{life::refused,     happening::transport_lost,   {life::idle,        action::none}},
    life_row{life::refused,     happening::logout_asked,     {life::ending,      action::none}},
    life_row{life::ending,      happening::transport_lost,   {life::over,        action::finish}},

    life_row{life::pausing,     happening::pause_over,       {life::connecting,  action::connect}},
    life_row{life::pausing,     happening::logout_asked,     {life::over,        action::finish}},
};

// clang-format on

// What is not in the table changes nothing.
constexpr life_step advance(life now, happening what) {
    const auto* const row = find_row(life_table, now, what);
    return row == nullptr ? life_step{now, action::none} : row->step;
}

// A transport is up, and the protocol runs over it.
constexpr bool talks(life now) {
    return now == life::in_login || now == life::logged_in || now == life::leaving ||
           now == life::moving;
}

// There is no connection that commands could go out on, and the next one is on its way.
constexpr bool awaits_login(life now) {
    return now == life::connecting || now == life::in_login || now == life::dropping ||
           now == life::redirecting || now == life::pausing;
}

// The end has been asked for: no more work is taken.
constexpr bool ends(life now) {
    return now == life::leaving || now == life::ending || now == life::over;
}

static_assert(has_one_row_each(life_table));
static_assert(advance(life::logged_in, happening::transport_lost).what == action::pause);
static_assert(advance(life::leaving, happening::transport_lost).next == life::over);
static_assert(advance(life::over, happening::start) == life_step{life::over, action::none});
static_assert(advance(life::connecting, happening::transport_lost).next == life::connecting);

} // namespace iscsi
