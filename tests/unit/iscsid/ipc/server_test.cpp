#include "iscsid/ipc/describe.hpp"
#include "iscsid/ipc/listener.hpp"
#include "iscsid/ipc/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

namespace {

using namespace iscsid;
using namespace std::chrono_literals;
namespace admin = iscsi::admin;
namespace asio = boost::asio;
namespace json = boost::json;

constexpr auto most_patience = 10s;

// A client that does what it likes with the bytes.
class client {
  public:
    explicit client(const std::filesystem::path& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.string().copy(to.sun_path, sizeof to.sun_path - 1);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            throw std::runtime_error("connect: " + std::string(std::strerror(errno)));
    }

    ~client() { hang_up(); }

    client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    client(const client&) = delete;
    client& operator=(const client&) = delete;
    client& operator=(client&&) = delete;

    void hang_up() {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }

    void no_more_calls() const { ::shutdown(fd_, SHUT_WR); }

    // False: the other side has closed.
    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0)
                return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    void call(std::string_view method, json::object parameters = {}, bool more = false) const {
        json::object message{{"method", method}, {"parameters", std::move(parameters)}};
        if (more)
            message["more"] = true;
        std::string text = json::serialize(message);
        text += '\0';
        EXPECT_TRUE(send(text));
    }

    // The next reply; nothing: the connection was closed, or nothing came.
    std::optional<json::object> reply() {
        const auto end = std::chrono::steady_clock::now() + most_patience;
        while (received_.find('\0') == std::string::npos) {
            if (std::chrono::steady_clock::now() > end || !receive())
                return std::nullopt;
        }
        const auto at = received_.find('\0');
        auto message = json::parse(received_.substr(0, at)).as_object();
        received_.erase(0, at + 1);
        return message;
    }

    bool is_closed() {
        const auto end = std::chrono::steady_clock::now() + most_patience;
        while (std::chrono::steady_clock::now() < end)
            if (!receive())
                return true;
        return false;
    }

  private:
    bool receive() {
        pollfd look{fd_, POLLIN, 0};
        if (::poll(&look, 1, 100) == 0)
            return true;
        std::array<char, 65536> chunk{};
        const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
        if (n <= 0)
            return false;
        received_.append(chunk.data(), static_cast<std::size_t>(n));
        return true;
    }

    int fd_;
    std::string received_;
};

std::string error_of(const std::optional<json::object>& reply) {
    if (!reply)
        return "closed";
    const auto* error = reply->if_contains("error");
    return error == nullptr ? "" : std::string(error->as_string());
}

// A server with a manager that has no target, on a thread of its own.
struct served : testing::Test {
    served() {
        std::string name = testing::TempDir() + "server.XXXXXX";
        folder = ::mkdtemp(name.data());
        path = folder / "sock";
        limits.clients = {300ms, 300ms, 5s};
    }

    ~served() override {
        if (thread.joinable()) {
            context.stop();
            thread.join();
        }
        std::filesystem::remove_all(folder);
    }

    void start() {
        records.emplace(folder);
        session::environment with;
        with.where = {context.get_executor(), resolvers.get_executor()};
        with.readers = &readers;
        with.records = &*records;
        with.no_driver = "no driver in this test";
        // Discoveries end with their client, not by their own timeout.
        std::ofstream(folder / "conf") << "discovery.sendtargets.timeo.login_timeout = 3600\n"
                                          "iscsid.autologin_wait = 0\n";
        manager.emplace(
            with,
            session::current_settings{
                admin::config::load(folder / "conf"), {"iqn.2026-01.org.example:host", "host"}}
        );
        keeper.emplace(
            *manager,
            session::login_keeper::options{
                context.get_executor(), folder / "kept-logins.json", "boot"}
        );
        methods.emplace(
            *manager,
            *keeper,
            context.get_executor(),
            ipc::verbs::hooks{
                [] {
                    return admin::daemon_status{"1", "none", "fake", 0, "x"};
                },
                [this] { stopped = true; }}
        );
        listening.emplace(ipc::listener::open(path, "").value());
        server.emplace(
            context.get_executor(), listening->take_socket(), *methods, std::nullopt, limits
        );
        thread = std::thread([this] { context.run(); });
    }

    client connect() const { return client(path); }

    void expect_service() const {
        auto good = connect();
        good.call("org.iscsi-userland.iscsid.Status");
        const auto reply = good.reply();
        ASSERT_TRUE(reply);
        EXPECT_EQ(error_of(reply), "");
    }

    std::filesystem::path folder;
    std::filesystem::path path;
    ipc::server_limits limits;
    std::atomic<bool> stopped = false;
    asio::io_context context{1};
    asio::thread_pool resolvers{1};
    std::optional<admin::record_store> records;
    session::worker_pool readers{1, 1};
    std::optional<session::manager> manager;
    std::optional<session::login_keeper> keeper;
    std::optional<ipc::verbs> methods;
    std::optional<ipc::listener> listening;
    std::optional<ipc::server> server;
    std::thread thread;
};

TEST_F(served, describes_itself) {
    start();
    auto one = connect();
    one.call("org.varlink.service.GetInfo");
    auto reply = one.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->at("parameters").at("product"), "iscsid");
    one.call("org.varlink.service.GetInterfaceDescription", {{"interface", admin::interface_name}});
    reply = one.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(
        reply->at("parameters").at("description").as_string(), admin::interface_description()
    );
    one.call("org.varlink.service.GetInterfaceDescription", {{"interface", "org.example"}});
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InterfaceNotFound");
}

TEST_F(served, unknown_methods_and_interfaces_have_their_errors) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Nonsense");
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.MethodNotFound");
    one.call("org.example.Nonsense");
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InterfaceNotFound");
    one.call("nonsense");
    EXPECT_NE(error_of(one.reply()), "");
}

TEST_F(served, several_calls_may_come_at_once) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Status");
    one.call("org.iscsi-userland.iscsid.ListSessions");
    one.call("org.iscsi-userland.iscsid.Status");
    EXPECT_TRUE(one.reply()->at("parameters").as_object().contains("ring"));
    EXPECT_TRUE(one.reply()->at("parameters").at("sessions").as_array().empty());
    EXPECT_TRUE(one.reply()->at("parameters").as_object().contains("ring"));
}

TEST_F(served, login_tells_of_each_node) {
    start();
    const json::object node{
        {"target", "iqn.a"},
        {"address", "10.0.0.1"},
        {"port", 3260},
        {"group_tag", 1},
        {"interface", "default"}};
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Login", {{"nodes", json::array{node, node}}}, true);
    const auto first = one.reply();
    const auto second = one.reply();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->at("continues"), true);
    EXPECT_EQ(first->at("parameters").at("code"), 21);
    EXPECT_EQ(second->at("parameters").at("index"), 1);
    EXPECT_FALSE(second->contains("continues") && second->at("continues").as_bool());
    // Without `more` there is one reply, the first failure.
    one.call("org.iscsi-userland.iscsid.Login", {{"nodes", json::array{node, node}}});
    EXPECT_EQ(one.reply()->at("parameters").at("code"), 21);
    one.call(
        "org.iscsi-userland.iscsid.Login", {{"nodes", json::array{node}}, {"additional", true}}
    );
    // Of the record it needs all but how many sessions there may be.
    EXPECT_EQ(one.reply()->at("parameters").at("code"), 21);
    one.call("org.iscsi-userland.iscsid.Status");
    EXPECT_TRUE(one.reply()->at("parameters").as_object().contains("ring"));
}

TEST_F(served, logins_that_are_kept_are_told_of_and_ended) {
    const admin::node_id id{"iqn.2026-01.org.example:a", "10.0.0.1", 3260, 1, "default"};
    start();
    admin::record record(admin::record_kind::node);
    ASSERT_TRUE(record.set("node.name", id.target).has_value());
    ASSERT_TRUE(record.set("node.conn[0].address", id.address).has_value());
    ASSERT_TRUE(record.set("node.tpgt", "1").has_value() && records->write(record).has_value());
    auto one = connect();
    const json::array nodes{admin::to_json(id)};
    const auto kept = [&](const char* method, const json::object& parameters = {}) {
        one.call(std::string("org.iscsi-userland.iscsid.") + method, parameters);
        return one.reply()->at("parameters").at("logins").as_array().size();
    };
    const json::object at_once{{"nodes", nodes}, {"keep_trying", true}, {"wait", false}};
    one.call("org.iscsi-userland.iscsid.Login", at_once);
    EXPECT_EQ(one.reply()->at("parameters").at("code"), 0);
    EXPECT_EQ(kept("ListKeptLogins"), 1U);
    // There is no driver in this test, so that no login can succeed.
    one.call("org.iscsi-userland.iscsid.Login", {{"nodes", nodes}, {"keep_trying", true}});
    EXPECT_EQ(one.reply()->at("parameters").at("code"), 8);
    EXPECT_EQ(kept("EndKeptLogins", {{"nodes", nodes}}), 1U);
    EXPECT_EQ(kept("ListKeptLogins"), 0U);
    const json::object both{{"nodes", nodes}, {"keep_trying", true}, {"additional", true}};
    one.call("org.iscsi-userland.iscsid.Login", both);
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
}

TEST_F(served, wrong_parameters_are_named) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Login", {{"nodes", 7}});
    auto reply = one.reply();
    EXPECT_EQ(error_of(reply), "org.varlink.service.InvalidParameter");
    EXPECT_NE(
        std::string(reply->at("parameters").at("parameter").as_string()).find("nodes"),
        std::string::npos
    );
    one.call("org.iscsi-userland.iscsid.Login", {{"nodes", json::array{}}});
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
    one.call("org.iscsi-userland.iscsid.Logout", {{"sids", json::array{-1}}});
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
    for (const auto& sids : {json::array{}, json::array{-1}, json::array{"1"}}) {
        one.call("org.iscsi-userland.iscsid.Rescan", {{"sids", sids}});
        EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
    }
    one.call("org.iscsi-userland.iscsid.ListSessions", {{"sid", 9}});
    EXPECT_EQ(error_of(one.reply()), "org.iscsi-userland.iscsid.SessionNotFound");
}

TEST_F(served, logout_of_nothing_is_2) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Logout", {{"sids", json::array{5}}}, true);
    const auto reply = one.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->at("parameters").at("code"), 2);
}

TEST_F(served, rescan_tells_of_each_session) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Rescan", {{"sids", json::array{5, 6}}}, true);
    const auto first = one.reply();
    const auto second = one.reply();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->at("continues"), true);
    EXPECT_EQ(first->at("parameters").at("sid"), 5);
    EXPECT_EQ(first->at("parameters").at("code"), 2);
    EXPECT_EQ(second->at("parameters").at("sid"), 6);
    EXPECT_FALSE(second->contains("continues") && second->at("continues").as_bool());
    // Without `more` there is one reply, the first failure.
    one.call("org.iscsi-userland.iscsid.Rescan", {{"sids", json::array{5, 6}}});
    const auto only = one.reply();
    ASSERT_TRUE(only);
    EXPECT_EQ(only->at("parameters").at("sid"), 5);
}

TEST_F(served, fail_io_of_nothing_is_2) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.FailIo", {{"sids", json::array{5}}}, true);
    const auto reply = one.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->at("parameters").at("code"), 2);
    one.call("org.iscsi-userland.iscsid.FailIo");
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
}

TEST_F(served, luns_of_no_session_are_2_and_need_a_number) {
    start();
    auto one = connect();
    for (const std::string method : {"AttachLun", "DetachLun"}) {
        const std::string name = "org.iscsi-userland.iscsid." + method;
        one.call(name, {{"sids", json::array{5}}, {"lun", 1}}, true);
        const auto reply = one.reply();
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->at("parameters").at("code"), 2);
        one.call(name, {{"sids", json::array{5}}});
        EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
        one.call(name, {{"sids", json::array{5}}, {"lun", -1}});
        EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
    }
}

TEST_F(served, persistent_reserve_checks_what_its_verb_needs) {
    start();
    auto one = connect();
    const auto call = [&one](json::object what) {
        what.insert({{"sid", 5}, {"lun", 1}});
        one.call("org.iscsi-userland.iscsid.PersistentReserve", std::move(what));
        return one.reply();
    };
    const auto reply = call({{"verb", "register"}, {"new_key", "0x1"}});
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->at("parameters").at("code"), 2) << "there is no such session";
    EXPECT_EQ(reply->at("parameters").at("unknown"), false);
    constexpr auto refused = "org.varlink.service.InvalidParameter";
    EXPECT_EQ(error_of(call({{"verb", "guess"}})), refused);
    EXPECT_EQ(error_of(call({{"verb", "register"}})), refused) << "without a new key";
    EXPECT_EQ(error_of(call({{"verb", "clear"}, {"key", "1x"}})), refused);
    EXPECT_EQ(error_of(call({{"verb", "read-keys"}, {"key", "1"}})), refused);
    EXPECT_EQ(error_of(call({{"verb", "reserve"}, {"key", "1"}, {"type", "no-type"}})), refused);
    EXPECT_EQ(error_of(call({})), refused);
}

TEST_F(served, descriptions_of_no_session_are_2) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.DescribeLuns", {{"sids", json::array{5}}}, true);
    const auto reply = one.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->at("parameters").at("code"), 2);
    EXPECT_EQ(reply->at("parameters").at("luns"), json::array());
}

TEST(lun_description, has_no_bytes_of_the_target_that_are_no_text) {
    session::lun_details unit;
    unit.properties.vendor = "A\xff\n\x7f";
    unit.properties.block_count = 8;
    const auto message = message_of(unit);
    EXPECT_EQ(message.vendor, "A???");
    EXPECT_EQ(message.size, 4096U);
    EXPECT_EQ(message.state, "no answer");
}

TEST_F(served, stop_answers_first) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Stop");
    EXPECT_EQ(error_of(one.reply()), "");
    one.call("org.iscsi-userland.iscsid.Status");
    one.reply();
    EXPECT_TRUE(stopped);
}

TEST_F(served, a_client_that_says_all_and_then_listens_is_answered) {
    start();
    auto one = connect();
    one.call("org.iscsi-userland.iscsid.Status");
    one.no_more_calls();
    EXPECT_EQ(error_of(one.reply()), "");
    EXPECT_TRUE(one.is_closed());
}

TEST_F(served, one_byte_at_a_time_is_a_message_too) {
    start();
    auto one = connect();
    const std::string text = std::string(R"({"method":"org.iscsi-userland.iscsid.Status"})") + '\0';
    for (const char byte : text)
        ASSERT_TRUE(one.send({&byte, 1}));
    EXPECT_EQ(error_of(one.reply()), "");
}

TEST_F(served, text_that_is_not_json_has_an_error_and_the_next_call_an_answer) {
    start();
    auto one = connect();
    for (const std::string_view bad : {"", "x", "{}", "[]", "{\"method\":7}", "\xff\xfe"}) {
        one.send(std::string(bad) + '\0');
        EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter") << bad;
    }
    one.call("org.iscsi-userland.iscsid.Status");
    EXPECT_EQ(error_of(one.reply()), "");
}

TEST_F(served, a_message_that_is_cut_ends_nothing_but_itself) {
    start();
    {
        auto one = connect();
        one.send(R"({"method":"org.iscsi-userland.iscsid.Sta)");
    }
    expect_service();
}

TEST_F(served, a_message_that_never_ends_is_not_waited_for) {
    start();
    auto one = connect();
    one.send("{");
    EXPECT_TRUE(one.is_closed());
    expect_service();
}

TEST_F(served, a_message_without_measure_ends_the_connection) {
    start();
    auto one = connect();
    const std::string much(1U << 20U, 'a');
    bool open = true;
    for (int i = 0; open && i < 64; ++i)
        open = one.send(much);
    EXPECT_FALSE(open);
    expect_service();
}

TEST_F(served, deep_json_is_refused) {
    start();
    auto one = connect();
    one.send(std::string(100'000, '[') + '\0');
    EXPECT_EQ(error_of(one.reply()), "org.varlink.service.InvalidParameter");
    expect_service();
}

TEST_F(served, a_client_that_does_not_read_is_closed_and_delays_nobody) {
    start();
    auto one = connect();
    bool open = true;
    // The descriptions fill the socket's buffers, then the server waits for this client alone.
    const std::string call =
        R"({"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":)"
        R"("org.iscsi-userland.iscsid"}})";
    std::thread flood([&] {
        while (open)
            open = one.send(call + '\0');
    });
    expect_service();
    flood.join();
    EXPECT_FALSE(open);
}

TEST_F(served, a_hundred_connections_leave_the_daemon_working) {
    limits.connections = 16;
    start();
    {
        std::vector<client> crowd;
        for (int i = 0; i < 100; ++i)
            crowd.push_back(connect());
        int busy = 0;
        for (auto& each : crowd) {
            each.send(std::string(R"({"method":"org.iscsi-userland.iscsid.Status"})") + '\0');
            busy += error_of(each.reply()).empty() ? 0 : 1;
        }
        EXPECT_EQ(busy, 84);
    }
    // Their places are free again as soon as the server has seen them go.
    std::string error = "none";
    const auto end = std::chrono::steady_clock::now() + most_patience;
    while (!error.empty() && std::chrono::steady_clock::now() < end) {
        auto next = connect();
        next.send(std::string(R"({"method":"org.iscsi-userland.iscsid.Status"})") + '\0');
        error = error_of(next.reply());
    }
    EXPECT_EQ(error, "");
}

TEST_F(served, a_beyond_limit_client_is_told_busy) {
    limits.connections = 0;
    start();
    auto one = connect();
    EXPECT_EQ(error_of(one.reply()), "org.iscsi-userland.iscsid.Busy");
}

TEST_F(served, hanging_up_cancels_a_discovery) {
    start();
    // A portal that takes the connection and says nothing.
    asio::io_context other;
    asio::ip::tcp::acceptor silent(other, {asio::ip::address_v4::loopback(), 0});
    auto one = connect();
    one.call(
        "org.iscsi-userland.iscsid.Discover",
        {{"address", "127.0.0.1"}, {"port", silent.local_endpoint().port()}, {"use_record", false}},
        true
    );
    auto asked = silent.accept();
    one.hang_up();
    // The connection of the discovery ends with its client.
    asked.non_blocking(true);
    std::array<char, 1024> bytes{};
    boost::system::error_code error;
    const auto end = std::chrono::steady_clock::now() + most_patience;
    while ((!error || error == asio::error::would_block) && std::chrono::steady_clock::now() < end)
        asked.read_some(asio::buffer(bytes), error);
    EXPECT_TRUE(error && error != asio::error::would_block);
    expect_service();
}

TEST_F(served, discovery_streams_its_notes) {
    start();
    auto one = connect();
    one.call(
        "org.iscsi-userland.iscsid.Discover",
        {{"address", "no-such-host.invalid"}, {"port", 3260}, {"use_record", false}},
        true
    );
    const auto first = one.reply();
    const auto second = one.reply();
    const auto last = one.reply();
    ASSERT_TRUE(first && second && last);
    EXPECT_EQ(first->at("continues"), true);
    EXPECT_EQ(
        second->at("parameters").at("notes").at(0), "cannot resolve host name no-such-host.invalid"
    );
    EXPECT_EQ(last->at("parameters").at("finished"), true);
    EXPECT_EQ(last->at("parameters").at("code"), 4);
}

TEST(peer, that_is_us_may_do_everything) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    const auto who = ipc::identify(pair[0], std::nullopt);
    EXPECT_TRUE(who.may_change);
    EXPECT_TRUE(who.may_ask);
    EXPECT_EQ(who.process, ::getpid());
    ::close(pair[0]);
    ::close(pair[1]);
}

TEST(peer, that_cannot_be_known_may_do_nothing) {
    const auto who = ipc::identify(-1, std::nullopt);
    EXPECT_FALSE(who.may_change);
    EXPECT_FALSE(who.may_ask);
}

} // namespace
