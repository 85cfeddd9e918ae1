// Record files and iscsid.conf.
#include "libiscsi/admin/record_file.hpp"

#include "tests/fuzz/fuzz.hpp"

void fuzz_one(iscsi::bytes_view input) {
    using iscsi::admin::record_kind;
    (void)iscsi::admin::parse_lines(text_of(input), "iscsid.conf");
    for (const auto kind : {record_kind::node, record_kind::send_targets, record_kind::interface}) {
        const auto record = iscsi::admin::parse_record(kind, text_of(input), "record");
        if (record.has_value())
            expect(
                iscsi::admin::parse_record(kind, iscsi::admin::format_record(*record), "again") ==
                    record,
                "round trip"
            );
    }
}
