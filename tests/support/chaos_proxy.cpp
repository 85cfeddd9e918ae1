// A TCP proxy on loopback that does to connections what networks do: every few seconds it resets,
// stalls, truncates or corrupts the ones that are open.
//   chaos-proxy --to PORT --port-file FILE [--every SECONDS] [--faults reset,stall,…] [--seed N]
// It prints each fault that it made, a line each, and ends on SIGTERM.

#include <boost/asio.hpp>
#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <list>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;

struct options {
    std::uint16_t to = 0;
    std::string port_file;
    double every = 3.0;
    std::vector<std::string> faults{"reset", "stall", "truncate"};
    std::uint32_t seed = std::random_device{}();
};

// One connection through the proxy; the fault is applied by the pump that next has bytes.
struct link {
    tcp::socket client;
    tcp::socket server;
    std::string fault;

    void close() {
        boost::system::error_code ignored;
        const asio::socket_base::linger reset(true, 0);
        client.set_option(reset, ignored);
        server.set_option(reset, ignored);
        client.close(ignored);
        server.close(ignored);
    }
};

using link_pointer = std::shared_ptr<link>;

asio::awaitable<std::size_t> apply_fault(link_pointer what, std::span<char> bytes) {
    const std::string fault = std::exchange(what->fault, {});
    if (fault == "corrupt") {
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
    } else if (fault == "stall") {
        asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::seconds(2));
        co_await timer.async_wait(use_awaitable);
    } else if (fault == "truncate") {
        co_return bytes.size() / 2;
    }
    co_return bytes.size();
}

asio::awaitable<void> pump(link_pointer what, tcp::socket& from, tcp::socket& to) {
    std::vector<char> buffer(64 * 1024);
    try {
        for (;;) {
            const auto n = co_await from.async_read_some(asio::buffer(buffer), use_awaitable);
            const auto keep = co_await apply_fault(what, std::span(buffer).first(n));
            co_await asio::async_write(to, asio::buffer(buffer.data(), keep), use_awaitable);
            if (keep != n)
                break;
        }
    } catch (const std::exception&) {
        // The other end is gone, or this link was reset.
    }
    what->close();
}

asio::awaitable<void>
serve(tcp::acceptor& acceptor, const options& chosen, std::list<std::weak_ptr<link>>& links) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto client = co_await acceptor.async_accept(use_awaitable);
        tcp::socket server(executor);
        boost::system::error_code error;
        server.connect({asio::ip::address_v4::loopback(), chosen.to}, error);
        if (error)
            continue; // dropping the client is what a dead target looks like
        client.set_option(tcp::no_delay(true));
        server.set_option(tcp::no_delay(true));
        auto made = std::make_shared<link>(link{std::move(client), std::move(server), {}});
        links.push_back(made);
        asio::co_spawn(executor, pump(made, made->client, made->server), asio::detached);
        asio::co_spawn(executor, pump(made, made->server, made->client), asio::detached);
    }
}

asio::awaitable<void> make_trouble(const options& chosen, std::list<std::weak_ptr<link>>& links) {
    std::mt19937 random(chosen.seed);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        std::uniform_real_distribution<double> around(0.5 * chosen.every, 1.5 * chosen.every);
        timer.expires_after(
            std::chrono::milliseconds(static_cast<std::int64_t>(around(random) * 1000))
        );
        co_await timer.async_wait(use_awaitable);
        const auto& fault = chosen.faults[random() % chosen.faults.size()];
        for (auto at = links.begin(); at != links.end();) {
            const auto one = at->lock();
            at = one ? std::next(at) : links.erase(at);
            if (!one)
                continue;
            std::printf("%s\n", fault.c_str());
            std::fflush(stdout);
            fault == "reset" ? one->close() : void(one->fault = fault);
        }
    }
}

int run(const options& chosen) {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    std::ofstream(chosen.port_file + ".new") << acceptor.local_endpoint().port() << "\n";
    std::rename((chosen.port_file + ".new").c_str(), chosen.port_file.c_str());
    std::list<std::weak_ptr<link>> links;
    asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&context](auto, auto) { context.stop(); });
    asio::co_spawn(context, serve(acceptor, chosen, links), asio::detached);
    asio::co_spawn(context, make_trouble(chosen, links), asio::detached);
    context.run();
    return 0;
}

} // namespace

int main(int count, char** words) {
    options chosen;
    CLI::App app("a TCP proxy that makes trouble");
    app.add_option("--to", chosen.to, "port of the target on 127.0.0.1")->required();
    app.add_option("--port-file", chosen.port_file, "where to write the proxy's port")->required();
    app.add_option("--every", chosen.every, "seconds between faults, on average");
    app.add_option("--faults", chosen.faults, "of reset, stall, truncate, corrupt")->delimiter(',');
    app.add_option("--seed", chosen.seed, "of the random choices");
    CLI11_PARSE(app, count, words);
    std::printf("seed %u\n", chosen.seed);
    return run(chosen);
}
