#include "iscsiadm/iname/iname.hpp"

#include <sys/random.h>

#include <cstdlib>
#include <iostream>

namespace {

using namespace iscsi::iname;

// Six bytes come from getrandom(2) in one piece or not at all.
int make(const request& wanted) {
    iscsi::name_entropy random{};
    if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
        std::cerr << "iscsi-iname: no random bytes from the kernel\n";
        return EXIT_FAILURE;
    }
    std::cout << (wanted.as_setting ? "InitiatorName=" : "")
              << iscsi::make_initiator_name(wanted.prefix, random) << std::endl;
    return std::cout.good() ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
    const auto wanted = parse({argv + (argc > 0 ? 1 : 0), argv + argc});
    if (!wanted) {
        if (!wanted.error().line.empty())
            std::cerr << "iscsi-iname: " << wanted.error().line << '\n';
        std::cerr << "Try `iscsi-iname --help' for more information.\n";
        return EXIT_FAILURE;
    }
    if (!wanted->help)
        return make(*wanted);
    std::cout << usage();
    return EXIT_SUCCESS;
}
