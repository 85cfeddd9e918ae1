#include "iscsiadm/program.hpp"

#include <string>
#include <vector>

int main(int argc, char** argv) {
    return iscsi::cli::iscsiadm_main(
        std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc)
    );
}
