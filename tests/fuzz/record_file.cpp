// Record files and iscsid.conf.
#include "libiscsi/admin/record_file.hpp"

#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/admin/written_id.hpp"

#include <algorithm>

namespace {

// What is written holds every value that is not empty, bad ones as they stood; lines that are no
// settings are told of and left out.
bool is_kept(const iscsi::admin::record& from, const iscsi::admin::record& again) {
    const auto written = again.entries();
    const auto entries = from.entries();
    return std::all_of(entries.begin(), entries.end(), [&written](const auto& entry) {
        return entry.second.empty() ||
               std::find(written.begin(), written.end(), entry) != written.end();
    });
}

} // namespace

// What is seen at a glance is what a reader of the whole finds.
void check_glance(std::string_view text) {
    const auto id = iscsi::admin::written_id(text);
    if (!id)
        return;
    const auto whole = iscsi::admin::parse_record(iscsi::admin::record_kind::node, text, "record");
    expect(id_of(whole) == *id, "the same id");
}

void fuzz_one(iscsi::bytes_view input) {
    using iscsi::admin::record_kind;
    check_glance(text_of(input));
    (void)iscsi::admin::parse_lines(text_of(input), "iscsid.conf");
    for (const auto kind : {record_kind::node, record_kind::send_targets, record_kind::interface}) {
        const auto record = iscsi::admin::parse_record(kind, text_of(input), "record");
        if (record.is_damaged()) // is never written
            continue;
        const auto again =
            iscsi::admin::parse_record(kind, iscsi::admin::format_record(record), "again");
        expect(!again.is_damaged() && is_kept(record, again), "round trip");
    }
}
