#include "tests/unit/core/session/said.hpp"

#include "libiscsi/core/login/chap.hpp"
#include "libiscsi/core/session/event.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace iscsi::test {
namespace {

// From 1 to the last one, then one that does not exist.
template <class Code>
void every_code_has_words_of_its_own(Code last) {
    std::set<std::string> words;
    const auto nothing = std::string(message_of(static_cast<Code>(0)));
    for (int code = 1; code <= static_cast<int>(last); ++code)
        EXPECT_TRUE(words.emplace(message_of(static_cast<Code>(code))).second) << code;
    EXPECT_FALSE(words.contains(nothing));
}

TEST(session_errc, every_error_has_words) {
    every_code_has_words_of_its_own(session_errc::too_many_redirects);
}

TEST(chap_errc, every_error_has_words) {
    every_code_has_words_of_its_own(chap_errc::digest_unavailable);
}

TEST(session, refuses_commands_that_no_pdu_can_carry) {
    logged_in_peer target;
    buffer room(8);
    auto both = read_command(room);
    both.data_out = room;
    EXPECT_EQ(
        target.session_under_test.submit(both, target.now).error().code,
        code(session_errc::command_too_long)
    );
    auto endless = write_command(bytes_view(room.data(), std::size_t{1} << 32U)); // never read
    EXPECT_EQ(
        target.session_under_test.submit(endless, target.now).error().code,
        code(session_errc::command_too_long)
    );
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 0U);
}

TEST(session, shows_what_state_it_is_in) {
    peer target(plain_config());
    auto& session = target.session_under_test;
    const auto shows = [&](connection_state connection, session_state state) {
        EXPECT_EQ(session.connection(), connection);
        EXPECT_EQ(session.state(), state);
    };
    shows(connection_state::free, session_state::free);
    session.start(target.now);
    shows(connection_state::transport_wait, session_state::free);
    target.connect();
    shows(connection_state::in_login, session_state::free);
    target.log_in();
    shows(connection_state::logged_in, session_state::logged_in);
    target.lose_transport();
    shows(connection_state::transport_wait, session_state::failed);
    session.logout(target.now);
    shows(connection_state::free, session_state::free);
}

TEST(session, has_nothing_to_do_with_what_comes_at_the_wrong_time) {
    peer target(plain_config());
    auto& session = target.session_under_test;
    session.connect_failed({}, target.now); // nobody connects
    session.transport_up(target.now);
    session.abort(4711, target.now); // no such task
    session.reset_lun({}, target.now);
    EXPECT_TRUE(session.received(0, target.now));
    session.sent(0, target.now);
    EXPECT_TRUE(session.send_targets("", target.now).has_error());
    EXPECT_TRUE(target.no_event());
    EXPECT_EQ(session.connection(), connection_state::free);
}

} // namespace
} // namespace iscsi::test
