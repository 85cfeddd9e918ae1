#include "tests/integration/iscsiadm/fake_iscsid.hpp"
#include "tests/integration/iscsiadm/program_run.hpp"

#include "libiscsi/admin/messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace iscsi::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string target = "iqn.2020-01.test:t1";
const std::string words = "[iface: default, target: " + target + ", portal: 10.9.9.1,3260]";

// Waits until a condition holds, at most half a minute.
template <class Condition>
bool eventually(const Condition& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

class iscsiadm_test : public testing::Test {
  protected:
    struct outcome {
        int code = 0;
        std::string out, err;
    };

    iscsiadm_test() {
        std::string name = "/tmp/iscsiadm-XXXXXX";
        root = ::mkdtemp(name.data());
        socket = root / "iscsid.sock";
        std::filesystem::create_directories(root / "etc");
        environment = {
            {"ISCSI_CONFIG_DIR", root / "etc"},
            {"ISCSI_DATABASE_DIR", root / "db"},
            {"ISCSID_RUNTIME_DIR", root},
            {"ISCSID_SOCKET", socket}};
    }

    ~iscsiadm_test() override { std::filesystem::remove_all(root); }

    std::unique_ptr<program_run> start(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), ISCSIADM_PROGRAM);
        return std::make_unique<program_run>(root, arguments, environment);
    }

    outcome run(const std::vector<std::string>& arguments) const {
        const auto program = start(arguments);
        const int code = program->wait();
        return {code, program->out(), program->err()};
    }

    void add_node() const {
        ASSERT_EQ(run({"-m", "node", "-T", target, "-p", "10.9.9.1:3260,1", "-o", "new"}).code, 0);
    }

    // Answers ListSessions with none, and every other call with `serve`.
    static std::function<void(const caller&)>
    without_sessions(std::function<void(const caller&)> serve) {
        return [serve](const caller& client) {
            const auto call = client.read_call();
            if (call.method.ends_with(".ListSessions"))
                client.reply({{"sessions", boost::json::array{}}});
            else if (!call.method.empty())
                serve(client);
        };
    }

    // Sends these bytes to everybody who asks.
    static std::function<void(const caller&)> saying(std::string bytes) {
        return [bytes](const caller& client) {
            client.read_call();
            client.send(bytes);
        };
    }

    static boost::json::object logged_in(std::uint32_t index) {
        return to_json(admin::login_progress{index, admin::exit_code::success, "", index + 1});
    }

    std::filesystem::path root, socket;
    std::map<std::string, std::string> environment;
};

// ---- without a daemon ----

TEST_F(iscsiadm_test, needs_a_socket) {
    add_node();
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 20);
    EXPECT_THAT(got.err, StartsWith("iscsiadm: iscsid is not running. "));
    EXPECT_THAT(got.err, HasSubstr("\niscsiadm: can not connect to iSCSI daemon (2)!\n"));
    EXPECT_THAT(got.out, StartsWith("Logging in to [iface: default, "));
}

TEST_F(iscsiadm_test, needs_somebody_behind_the_socket) {
    { const fake_iscsid gone(socket, saying("")); } // leaves the file
    add_node();
    EXPECT_THAT(
        run({"-m", "node", "-l"}).err, HasSubstr("can not connect to iSCSI daemon (111)!\n")
    );
}

TEST_F(iscsiadm_test, keeps_records_from_other_users) {
    const mode_t before = ::umask(0);
    add_node();
    ::umask(before);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "db")) {
        const auto others = entry.symlink_status().permissions() & std::filesystem::perms(077);
        EXPECT_TRUE(entry.is_symlink() || others == std::filesystem::perms::none) << entry.path();
    }
}

TEST_F(iscsiadm_test, speaks_before_it_needs_anything) {
    EXPECT_EQ(run({"-V"}).out, "iscsiadm version 2.1.8\n");
    EXPECT_EQ(run({"--help"}).code, 0);
    const outcome got = run({""});
    EXPECT_EQ(got.code, 7);
    EXPECT_EQ(got.err, "Try `iscsiadm --help' for more information.\n");
}

TEST_F(iscsiadm_test, names_the_option_as_getopt_does_wherever_it_is_installed) {
    EXPECT_EQ(
        run({"-m", "node", "--port", "x"}).err,
        "iscsiadm: option '--port' is ambiguous; possibilities: '--portal' '--portal_type'\n"
        "iscsiadm: node mode: option '-?' is not allowed/supported\n"
    );
}

TEST_F(iscsiadm_test, says_when_its_output_is_lost) {
    add_node();
    const program_run shell_program(
        root, {"/bin/sh", "-c", std::string(ISCSIADM_PROGRAM) + " -m node > /dev/full"}, environment
    );
    EXPECT_TRUE(eventually([&] { return !shell_program.err().empty(); }));
    EXPECT_EQ(shell_program.err(), "iscsiadm: could not write all of the output\n");
}

// ---- with one ----

TEST_F(iscsiadm_test, prints_each_result_when_it_comes) {
    add_node();
    ASSERT_EQ(run({"-m", "node", "-T", target, "-p", "10.9.9.2:3260,1", "-o", "new"}).code, 0);
    std::atomic<bool> first_was_read = false;
    const fake_iscsid daemon(socket, without_sessions([&](const caller& client) {
                                 client.reply(logged_in(0), true);
                                 eventually([&] { return first_was_read.load(); });
                                 client.reply(logged_in(1));
                             }));
    const auto program = start({"-m", "node", "-l"});
    EXPECT_TRUE(eventually([&] {
        return program->out().ends_with("Login to " + words + " successful.\n");
    }));
    first_was_read = true;
    EXPECT_EQ(program->wait(), 0);
    EXPECT_THAT(program->out(), EndsWith("portal: 10.9.9.2,3260] successful.\n"));
    EXPECT_EQ(program->err(), "");
}

TEST_F(iscsiadm_test, accepts_an_empty_last_reply) {
    add_node();
    const fake_iscsid daemon(socket, without_sessions([](const caller& client) {
                                 client.reply(logged_in(0), true);
                                 client.reply({});
                             }));
    EXPECT_EQ(run({"-m", "node", "-l"}).code, 0);
}

TEST_F(iscsiadm_test, takes_a_reply_in_single_bytes) {
    const fake_iscsid daemon(socket, [](const caller& client) {
        client.read_call();
        for (const char byte :
             admin::format(admin::varlink_reply{{{"sessions", boost::json::array{}}}, false, {}}))
            client.send({&byte, 1});
    });
    EXPECT_EQ(run({"-m", "session"}).err, "iscsiadm: No active sessions.\n");
}

TEST_F(iscsiadm_test, sends_no_secret) {
    add_node();
    ASSERT_EQ(
        run({"-m", "node", "-o", "update", "-n", "node.session.auth.password", "-v", "geheimnis"})
            .code,
        0
    );
    std::string seen;
    const fake_iscsid daemon(socket, [&](const caller& client) {
        const auto call = client.read_call();
        seen += admin::format(call);
        client.reply(
            call.method.ends_with("Login") ? logged_in(0)
                                           : boost::json::object{{"sessions", boost::json::array{}}}
        );
    });
    EXPECT_EQ(run({"-m", "node", "-l"}).code, 0);
    EXPECT_THAT(seen, HasSubstr(target));
    EXPECT_THAT(seen, testing::Not(HasSubstr("geheimnis")));
}

// ---- with a bad one ----

TEST_F(iscsiadm_test, notices_a_cut_reply) {
    const std::string whole =
        admin::format(admin::varlink_reply{{{"sessions", boost::json::array{}}}, false, {}});
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
        std::filesystem::remove(socket);
        const fake_iscsid daemon(socket, saying(whole.substr(0, length)));
        const outcome got = run({"-m", "session"});
        EXPECT_EQ(got.code, 18) << length;
        EXPECT_THAT(got.err, HasSubstr("the connection ended too early"));
    }
}

TEST_F(iscsiadm_test, notices_that_the_last_reply_is_missing) {
    add_node();
    const fake_iscsid daemon(socket, without_sessions([](const caller& client) {
                                 client.reply(logged_in(0), true);
                             }));
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 18);
    EXPECT_THAT(got.out, EndsWith("Login to " + words + " successful.\n"));
}

TEST_F(iscsiadm_test, does_not_wait_for_ever) {
    environment["ISCSIADM_TIMEOUT_MS"] = "100";
    const fake_iscsid daemon(socket, [](const caller& client) { client.wait_for_hang_up(); });
    const outcome got = run({"-m", "session"});
    EXPECT_EQ(got.code, 33);
    EXPECT_THAT(got.err, HasSubstr("no answer in time"));
}

// Slow is not dead: a machine that swaps may take longer than a stopped daemon is given.
TEST_F(iscsiadm_test, waits_for_a_daemon_that_is_slow) {
    const fake_iscsid daemon(socket, [](const caller& client) {
        client.read_call();
        std::this_thread::sleep_for(std::chrono::seconds(10)); // this is the slowness
        client.reply({{"sessions", boost::json::array{}}});
    });
    EXPECT_EQ(run({"-m", "session"}).err, "iscsiadm: No active sessions.\n");
}

TEST_F(iscsiadm_test, refuses_a_timeout_that_is_no_number) {
    for (const char* timeout : {"", "0", "soon", "-1", "99999999999"}) {
        environment["ISCSIADM_TIMEOUT_MS"] = timeout;
        const outcome got = run({"-m", "session"});
        EXPECT_EQ(got.code, 7);
        EXPECT_THAT(got.err, HasSubstr("ISCSIADM_TIMEOUT_MS"));
    }
}

TEST_F(iscsiadm_test, refuses_answers_that_make_no_sense) {
    const std::string end(1, '\0');
    for (const std::string& bytes :
         {"not json" + end,
          "[]" + end,
          "{}" + end,
          R"({"parameters":7})" + end,
          R"({"parameters":{"sessions":7}})" + end,
          R"({"parameters":{"sessions":[7]}})" + end,
          end,
          std::string(admin::longest_message + 1, ' ')}) {
        std::filesystem::remove(socket);
        const fake_iscsid daemon(socket, saying(bytes));
        const outcome got = run({"-m", "session"});
        EXPECT_EQ(got.code, 18) << bytes.substr(0, 40);
        EXPECT_EQ(got.out, "");
        EXPECT_THAT(got.err, StartsWith("iscsiadm: "));
    }
}

TEST_F(iscsiadm_test, translates_the_errors_of_varlink) {
    const std::pair<const char*, int> errors[] = {
        {"org.iscsi-userland.iscsid.NotPermitted", 13},
        {"org.varlink.service.MethodNotFound", 27},
        {"org.varlink.service.InvalidParameter", 16}};
    for (const auto& [name, code] : errors) {
        std::filesystem::remove(socket);
        const fake_iscsid daemon(
            socket, saying(admin::format(admin::varlink_reply{{}, false, name}))
        );
        const outcome got = run({"-m", "session"});
        EXPECT_EQ(got.code, code) << name;
        EXPECT_NE(got.err, "");
    }
}

TEST_F(iscsiadm_test, ends_on_an_interrupt) {
    std::atomic<bool> asked = false;
    const fake_iscsid daemon(socket, [&](const caller& client) {
        client.read_call();
        asked = true;
        client.wait_for_hang_up();
    });
    const auto program = start({"-m", "session"});
    EXPECT_TRUE(eventually([&] { return asked.load(); }));
    program->signal(SIGINT);
    EXPECT_EQ(program->wait(), 1);
    EXPECT_EQ(program->err(), "iscsiadm: caught SIGINT, exiting...\n");
}

TEST_F(iscsiadm_test, makes_a_new_name_each_time) {
    const auto name = [&] {
        program_run iname(root, {ISCSI_INAME_PROGRAM, "-p", "iqn.2020-01.test"}, environment);
        EXPECT_EQ(iname.wait(), 0);
        return iname.out();
    };
    const std::string first = name();
    EXPECT_THAT(first, testing::MatchesRegex("iqn\\.2020-01\\.test:[0-9a-f]+\n"));
    EXPECT_NE(first, name());
}

} // namespace
} // namespace iscsi::cli
