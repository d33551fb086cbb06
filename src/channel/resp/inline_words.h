#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coworker::channel::resp {

/// Splits a line as people type it into words (the rules are in request_decoder.h). `words` are views into
/// `storage`, both of which are overwritten. False when a quote is not closed or does not end its word.
bool split_inline(std::string_view line, std::string& storage, std::vector<std::string_view>& words);

}  // namespace coworker::channel::resp
