// Prints the name of every setting that users may write into iscsid.conf or a record.
#include "libiscsi/admin/setting.hpp"

#include <cstdio>

int main() {
    for (const auto& row : iscsi::admin::settings())
        std::printf("%.*s\n", static_cast<int>(row.name.size()), row.name.data());
}
