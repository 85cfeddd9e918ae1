#include "iscsiadm/start/options.hpp"
#include "iscsiadm/start/start.hpp"

#include "libiscsi/admin/version.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <exception>
#include <iostream>

namespace {

using namespace iscsi::start;
using iscsi::admin::exit_code;

int refuse(const bad_usage& why) {
    if (!why.line.empty())
        std::cerr << "iscsistart: " << why.line << '\n';
    if (why.advises)
        std::cerr << "Try `iscsistart --help' for more information.\n";
    return static_cast<int>(exit_code::invalid);
}

// ISCSI_SYSFS_DIR: for machines without firmware, as for iscsiadm.
std::filesystem::path sysfs_from_environment() {
    const char* folder = std::getenv("ISCSI_SYSFS_DIR"); // NOLINT(concurrency-mt-unsafe)
    return folder == nullptr || *folder == '\0' ? "/sys" : folder;
}

int print(const std::string& text) {
    std::cout << text << std::flush;
    return std::cout.good() ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(int count, char** words) {
    const auto wanted = parse(count, words);
    if (!wanted)
        return refuse(wanted.error());
    if (wanted->verb == request::what::help)
        return print(usage());
    if (wanted->verb == request::what::version)
        return print("iscsistart version " + std::string(iscsi::admin::compatible_version) + "\n");
    const auto where = iscsi::admin::locations_from_environment();
    return static_cast<int>(start(*wanted, where, sysfs_from_environment()));
}

} // namespace

int main(int argc, char** argv) {
    ::umask(0077); // records hold secrets
    try {
        return run(argc, argv);
    } catch (const std::exception& broken) {
        std::cerr << "iscsistart: " << broken.what() << '\n';
        return static_cast<int>(exit_code::internal);
    }
}
