#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/session/secret_file.hpp"

#include "libiscsi/core/login/phases.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace iscsid::session {
namespace {

const std::string a_secret = "a secret of 21 bytes!";

struct secret_file : manager_world {
    secret_file() {
        places.user = ::geteuid();
        places.reads = std::make_shared<bounded_read>(std::chrono::seconds(20));
        std::filesystem::create_directory(place("credentials"));
    }

    std::string place(const std::string& name) const { return folder / name; }

    std::string put(const std::string& name, const std::string& text, mode_t mode = 0600) {
        std::ofstream(place(name)) << text;
        EXPECT_EQ(::chmod(place(name).c_str(), mode), 0);
        return place(name);
    }

    std::string read(const std::string& where) const {
        const auto got = read_secret(where, places);
        EXPECT_TRUE(got) << got.error().text();
        return got ? *got : std::string();
    }

    iscsi::fault refused(const std::string& where, secret_errc why) const {
        const auto got = read_secret(where, places);
        EXPECT_TRUE(got.has_error()) << where;
        if (got.has_value())
            return {};
        EXPECT_EQ(got.error().code, iscsi::to_error_code(why)) << got.error().text();
        EXPECT_EQ(got.error().text().find(a_secret), std::string::npos);
        return got.error();
    }

    static admin::record record_with(const admin::key_values& values) {
        admin::record made(admin::record_kind::node);
        for (const auto& [key, value] : values)
            EXPECT_TRUE(made.set(key, value)) << key;
        return made;
    }

    secret_places places;
};

TEST_F(secret_file, is_one_line) {
    EXPECT_EQ(read(put("one", a_secret)), a_secret);
    EXPECT_EQ(read(put("two", a_secret + "\n", 0400)), a_secret);
    EXPECT_EQ(read(put("spaces", " " + a_secret + " \n")), " " + a_secret + " ");
    const std::string longest(longest_secret, 'x');
    EXPECT_EQ(read(put("longest", longest)), longest);
    EXPECT_EQ(read(put("longest-line", longest + "\n")), longest);
}

TEST_F(secret_file, is_refused_for_what_is_in_it) {
    refused(put("empty", ""), secret_errc::empty);
    refused(put("newline", "\n"), secret_errc::empty);
    refused(put("two-lines", a_secret + "\n\n"), secret_errc::control_character);
    refused(put("windows", a_secret + "\r\n"), secret_errc::control_character);
    refused(put("nul", a_secret + std::string(1, '\0')), secret_errc::control_character);
    refused(put("delete", a_secret + "\x7f"), secret_errc::control_character);
    const std::string too_long(longest_secret + 1, 'x');
    refused(put("long", too_long), secret_errc::too_long);
    refused(put("long-line", too_long + "\n"), secret_errc::too_long);
    refused(put("endless", std::string(1U << 20U, 'x')), secret_errc::too_long);
}

TEST_F(secret_file, is_refused_when_others_may_read_it) {
    for (const mode_t mode : {0640U, 0604U, 0620U, 0601U, 0444U}) {
        const auto why = refused(put("open", a_secret, mode), secret_errc::open_to_others);
        EXPECT_NE(why.got.find(place("open")), std::string::npos) << why.text();
        EXPECT_NE(why.got.find(fmt::format("{:04o}", mode)), std::string::npos) << why.text();
    }
}

TEST_F(secret_file, is_refused_when_it_is_somebody_elses) {
    const auto file = put("foreign", a_secret);
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
        EXPECT_NE(
            refused(file, secret_errc::foreign_owner).got.find("user 12345"), std::string::npos
        );
        places.user = 12345;
        EXPECT_EQ(read(file), a_secret);
        EXPECT_EQ(read(put("roots", a_secret)), a_secret);
    } else {
        places.user = ::geteuid() + 1;
        refused(file, secret_errc::foreign_owner);
    }
}

TEST_F(secret_file, is_a_file_and_is_not_waited_for) {
    refused(place("nowhere"), secret_errc::unreadable);
    refused(place("credentials"), secret_errc::not_a_file);
    ASSERT_EQ(::mkfifo(place("fifo").c_str(), 0600), 0);
    refused(place("fifo"), secret_errc::not_a_file);
    refused("some/where", secret_errc::bad_name);
    refused("..", secret_errc::bad_name);
}

// What a link leads to is looked at, not the link: so are secrets of containers mounted.
TEST_F(secret_file, may_be_behind_a_link) {
    std::filesystem::create_symlink(put("real", a_secret), place("link"));
    EXPECT_EQ(read(place("link")), a_secret);
    ASSERT_EQ(::chmod(place("real").c_str(), 0644), 0);
    refused(place("link"), secret_errc::open_to_others);
}

TEST_F(secret_file, may_be_a_credential) {
    put("credentials/chap", a_secret + "\n", 0444);
    refused("chap", secret_errc::no_credentials);
    places.credentials = place("credentials");
    EXPECT_EQ(read("chap"), a_secret);
    refused("other", secret_errc::unreadable);
    put("credentials/empty", "");
    refused("empty", secret_errc::empty);
}

TEST_F(secret_file, fills_in_both_directions) {
    const auto of = record_with(
        {{"node.session.auth.username", "user"},
         {"node.session.auth.password_file", put("ours", a_secret)},
         {"node.session.auth.username_in", "target"},
         {"node.session.auth.password_in_file", put("theirs", "of the target\n")}}
    );
    iscsi::auth_config auth;
    ASSERT_TRUE(read_secret_files(of, places, auth));
    EXPECT_EQ(auth.outgoing.name, "user");
    EXPECT_EQ(auth.outgoing.secret, a_secret);
    EXPECT_EQ(auth.incoming.secret, "of the target");
}

TEST_F(secret_file, is_the_only_place_of_a_secret) {
    for (const std::string suffix : {"", "_in"}) {
        const auto of = record_with(
            {{"node.session.auth.password" + suffix, "value-of-record"},
             {"node.session.auth.password" + suffix + "_file", put("too", a_secret)}}
        );
        iscsi::auth_config auth;
        const auto done = read_secret_files(of, places, auth);
        ASSERT_TRUE(done.has_error());
        EXPECT_EQ(done.error().code, iscsi::to_error_code(secret_errc::two_sources));
        EXPECT_EQ(done.error().field, "node.session.auth.password" + suffix + "_file");
        EXPECT_EQ(done.error().text().find("value-of-record"), std::string::npos);
    }
}

// Neither without CHAP nor one-way where the record wants both.
TEST_F(secret_file, lets_no_login_through_that_lacks_it) {
    for (const std::string lacking : {"password_file", "password_in_file"}) {
        const bool ours = lacking == "password_file";
        const auto of = record_with(
            {{"node.session.auth.password_file", ours ? place("nowhere") : put("there", a_secret)},
             {"node.session.auth.password_in_file", ours ? put("there", "x") : place("nowhere")}}
        );
        iscsi::auth_config auth;
        ASSERT_TRUE(read_secret_files(of, places, auth).has_error());
        EXPECT_TRUE(iscsi::is_chap_configured(auth));
        EXPECT_TRUE(iscsi::must_target_prove_itself(auth)); // "None" is not even offered
        EXPECT_TRUE(iscsi::check_credentials(auth).has_error());
    }
}

TEST_F(secret_file, makes_a_login_fail_with_its_reason) {
    store(node, {{"node.session.auth.password_file", place("nowhere")}});
    const auto how = log_in();
    EXPECT_EQ(how.code, admin::exit_code::login_auth_failed);
    EXPECT_NE(how.detail.find("node.session.auth.password_file"), std::string::npos) << how.detail;
    EXPECT_NE(how.detail.find(place("nowhere")), std::string::npos) << how.detail;
    EXPECT_TRUE(plans.empty()); // nothing was sent

    put("nowhere", a_secret);
    EXPECT_EQ(log_in().code, admin::exit_code::success);
    ASSERT_EQ(plans.size(), 1U);
    EXPECT_EQ(plans.front().session.auth.outgoing.secret, a_secret);
}

TEST_F(secret_file, is_taken_over_by_a_running_session) {
    EXPECT_EQ(log_in().code, admin::exit_code::success);
    const auto session = all().find(1);
    const std::vector<std::string> keys{"node.session.auth.password_file"};
    store(node, {{"node.session.auth.password_file", place("new")}});
    EXPECT_EQ(
        session->change(all().plans(), record_of(), keys).error().code,
        admin::exit_code::login_auth_failed
    );
    EXPECT_TRUE(lane.changes.empty());
    put("new", a_secret);
    const auto how = session->change(all().plans(), record_of(), keys);
    ASSERT_TRUE(how) << how.error().reason;
    EXPECT_EQ(how->at_login, keys);
    ASSERT_EQ(lane.changes.size(), 1U);
    EXPECT_EQ(lane.changes.front().second.auth.outgoing.secret, a_secret);
}

// The disk of an earlier daemon goes on; its session does not log in without CHAP.
TEST_F(secret_file, that_is_gone_does_not_end_a_resumed_session) {
    store(node, {{"node.session.auth.password_file", place("nowhere")}});
    device::disk_state left;
    left.target = node.target;
    left.portal_address = node.address;
    left.portal_port = node.port;
    left.portal_group_tag = node.group_tag;
    left.interface = node.interface;
    const captured_log log;
    const auto plan = all().plans().plan_again(left);
    ASSERT_TRUE(plan) << plan.error().reason;
    EXPECT_TRUE(iscsi::check_credentials(plan->session.auth).has_error());
    EXPECT_TRUE(iscsi::must_target_prove_itself(plan->session.auth));
    EXPECT_TRUE(log.has(place("nowhere")));
}

} // namespace
} // namespace iscsid::session
