// A disk of the fuse driver on a LUN in memory, for as long as a command runs:
//   fuse_bench [--size MiB] [--slots N] [--payload KiB] [--ahead N] [--epoll] [--ring] -- COMMAND…
//   fuse_bench --ublk [--null] [--size MiB] -- COMMAND…
// With --ublk it is one of the ublk driver, and with --null its requests are answered at once: the
// most that is left to win, for there is no session and no target.
// NODE in the command's environment is the device. Ends with its exit status.
#include "tests/integration/disk/memory_lane.hpp"

#include "iscsid/disk/fuse_driver.hpp"
#include "iscsid/disk/ublk_driver.hpp"

#include <CLI/CLI.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace {

constexpr std::uint32_t block_size = 512;

struct options {
    std::size_t mebibytes = 512;
    iscsid::disk::fuse_shape shape;
    std::uint32_t kibibytes = shape.payload / 1024;
    bool epoll = false;
    bool ring = false;
    bool ublk = false;
    bool null = false;
    std::vector<std::string> command;
};

options parse(int argc, char** argv) {
    options chosen;
    CLI::App app("Measures the fuse driver on a LUN in memory");
    app.add_option("--size", chosen.mebibytes, "MiB of the LUN");
    app.add_option("--slots", chosen.shape.slots, "requests in flight");
    app.add_option("--payload", chosen.kibibytes, "KiB of the largest request");
    app.add_option("--ahead", chosen.shape.reads_ahead, "slots that wait for a request");
    app.add_flag("--epoll", chosen.epoll, "the ring on epoll");
    app.add_flag("--ring", chosen.ring, "requests come by io_uring");
    app.add_flag("--ublk", chosen.ublk, "a disk of the ublk driver");
    app.add_flag("--null", chosen.null, "requests are answered at once");
    app.add_option("command", chosen.command, "what to run")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    chosen.shape.payload = chosen.kibibytes * 1024;
    return chosen;
}

std::string shell_line(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words)
        line += word + " ";
    return line;
}

// Of this process alone: the lane, not fio and not the kernel's threads.
double processor_microseconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto total = [](const timeval& time) {
        return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
    };
    return total(used.ru_utime) + total(used.ru_stime);
}

std::unique_ptr<iscsid::disk::driver>
driver_of(const options& chosen, iscsid::disk::helper& waiter, const std::string& folder) {
    if (chosen.ublk)
        return iscsid::disk::make_ublk_driver(waiter, folder, {}, {});
    const auto ring = chosen.ring ? iscsid::disk::ring_wish::yes : iscsid::disk::ring_wish::no;
    return iscsid::disk::make_fuse_driver(waiter, folder, {.shape = chosen.shape, .ring = ring});
}

int run(const options& chosen, const std::string& folder) {
    test::memory_lun lun(chosen.mebibytes << 20U);
    lun.null = chosen.null;
    test::memory_lane lane(chosen.epoll);
    lane.on_execute = [](const iscsi::command&, auto done) { done({}); }; // whether the LUN answers
    iscsid::disk::disk_request request;
    request.target_name = "bench";
    request.properties.block_size = block_size;
    request.properties.block_count = lun.content().size() / block_size;
    lane.put(request.lun, lun);
    const auto waiter = iscsid::disk::helper::start(ISCSID_DISK_HELPER);
    if (!waiter) {
        std::fprintf(stderr, "%s\n", waiter.error().text().c_str());
        return EXIT_FAILURE;
    }
    const auto driver = driver_of(chosen, **waiter, folder);
    auto disk = driver->attach(lane, request);
    if (!disk) {
        std::fprintf(stderr, "%s\n", disk.error().text().c_str());
        return EXIT_FAILURE;
    }
    if (chosen.ring && !((*disk)->remark().empty() && driver->words().ends_with("io_uring")))
        std::printf(
            "not by io_uring: %s; %s\n", driver->words().c_str(), (*disk)->remark().c_str()
        );
    ::setenv("NODE", ("/dev/" + (*disk)->node()).c_str(), 1);
    const auto calls = lane.system_calls();
    const auto requests = lun.reads + lun.writes;
    const double before = processor_microseconds();
    const int status = std::system(shell_line(chosen.command).c_str());
    const double served = lun.reads + lun.writes - requests;
    std::printf(
        "%s: %.2f system calls and %.2f us of processor time per request\n",
        std::string(lane.ring_name()).c_str(),
        static_cast<double>(lane.system_calls() - calls) / served,
        (processor_microseconds() - before) / served
    );
    if (const auto removed = (*disk)->remove(); !removed)
        std::fprintf(stderr, "%s\n", removed.error().text().c_str());
    return WEXITSTATUS(status);
}

} // namespace

int main(int argc, char** argv) {
    const options chosen = parse(argc, argv);
    std::string folder = "/tmp/fuse_bench.XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr)
        return EXIT_FAILURE;
    const int status = run(chosen, folder);
    std::filesystem::remove_all(folder);
    return status;
}
