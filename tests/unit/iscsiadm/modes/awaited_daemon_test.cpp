#include "tests/unit/iscsiadm/modes/fake_daemon.hpp"

#include "iscsiadm/modes/awaited_daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace iscsi::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string erased = "\r\x1b[K";

class awaited : public testing::Test {
  protected:
    std::ostringstream terminal;
    waiting_line line{terminal, true};
    fake_daemon fake;
    awaited_daemon daemon{fake, line};
};

TEST_F(awaited, says_what_is_missing_until_it_comes) {
    admin::login_request_message request;
    request.nodes.resize(3);
    std::vector<std::string> seen;
    ASSERT_TRUE(daemon.log_in(request, {}, [&](const admin::login_progress&) {
        seen.push_back(terminal.str());
        daemon.still_silent();
    }));
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_THAT(seen[0], IsEmpty()) << "nobody has waited yet";
    EXPECT_THAT(
        seen[1], HasSubstr("iscsiadm: waiting for 2 of 3 logins, 0 s; Ctrl-C ends the wait")
    );
    EXPECT_THAT(seen[1], EndsWith(erased)) << "before the words of the answer";
    EXPECT_THAT(seen[2], HasSubstr("waiting for 1 of 3 logins"));
    EXPECT_THAT(terminal.str(), EndsWith(erased));
}

TEST_F(awaited, names_the_portal_of_a_discovery) {
    fake.discover_answers = {{{}, false, {}, {}}, {{}, true, {}, {}}};
    ASSERT_TRUE(daemon.discover({"192.0.2.1", 3260, true, ""}, {}, [&](const auto&) {
        daemon.still_silent();
    }));
    EXPECT_THAT(terminal.str(), HasSubstr("waiting for the answer of 192.0.2.1, port 3260, "));
    EXPECT_THAT(terminal.str(), EndsWith(erased));
}

TEST_F(awaited, erases_nothing_where_nothing_stands) {
    fake.sessions.resize(1);
    ASSERT_TRUE(daemon.list_sessions());
    EXPECT_THAT(terminal.str(), IsEmpty());
    fake.not_running();
    EXPECT_FALSE(daemon.list_sessions());
}

TEST(waiting_line, is_for_terminals_only) {
    std::ostringstream file;
    waiting_line line(file, false);
    line.show("waiting");
    line.clear();
    EXPECT_THAT(file.str(), IsEmpty());
}

} // namespace
} // namespace iscsi::cli
