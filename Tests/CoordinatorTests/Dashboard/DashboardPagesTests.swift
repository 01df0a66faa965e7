import Foundation
import Hummingbird
import HummingbirdTesting
import Testing
import WebDashboard

@testable import Coordinator

@Suite("Dashboard pages")
struct DashboardPagesTests {
    @Test("every answer, failures included, forbids what pages of this server need not do")
    func policy() async throws {
        try await AdminFixture.withAPI { client, _ in
            for path in ["/", "/login", "/assets/app.js", "/assets/nope", "/v1/overview", "/metrics", "/nope"] {
                try await client.execute(uri: path, method: .get) { response in
                    let policy = try #require(response.headers[.contentSecurityPolicy], "\(path)")
                    #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"))
                    #expect(!policy.contains("unsafe"))
                    #expect(policy.contains("frame-ancestors 'none'"))
                    #expect(response.headers[.requestID] != nil)
                    #expect(response.headers[.cacheControl] != nil)
                }
            }
        }
    }

    @Test("pages hold no script and no style, and nothing in them is asked of another origin")
    func pages() throws {
        let files = [WebFile.index, .login] + WebFile.assets.values
        for file in files {
            let text = String(decoding: file.bytes, as: UTF8.self)
            #expect(!text.isEmpty, "\(file.name)")
            for forbidden in [
                "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=\"", "<style",
            ] {
                #expect(!text.contains(forbidden), "\(file.name) holds \(forbidden)")
            }
            // SVG's namespace is a name, not an address.
            let addresses = text.replacing("http://www.w3.org/2000/svg", with: "")
            #expect(!addresses.contains("http:") && !addresses.contains("https:") && !addresses.contains("//cdn"))
        }
    }

    @Test("everything that the pages load is there, with its type")
    func assets() async throws {
        try await AdminFixture.withAPI { client, _ in
            let reference = #/(?:href|src)="\/assets\/(?<name>[a-z.]+)"|from "\.\/(?<module>[a-z.]+)"/#
            var names: Set<String> = []
            for file in [WebFile.index, .login] + WebFile.assets.values {
                for match in String(decoding: file.bytes, as: UTF8.self).matches(of: reference) {
                    names.insert(String(match.name ?? match.module ?? ""))
                }
            }
            #expect(names == Set(WebFile.assets.keys))
            for name in names {
                let tag = try await client.execute(uri: "/assets/\(name)", method: .get) { response in
                    #expect(response.status == .ok)
                    #expect(response.headers[.contentType] == WebFile.assets[name]?.contentType)
                    return try #require(response.headers[.eTag])
                }
                try await client.execute(uri: "/assets/\(name)", method: .get, headers: [.ifNoneMatch: tag]) {
                    #expect($0.status == .notModified)
                    #expect($0.body.readableBytes == 0)
                }
            }
        }
    }

    @Test("an answer names its request")
    func requestIDs() async throws {
        try await AdminFixture.withAPI { client, _ in
            var seen: Set<String> = []
            for _ in 0..<3 {
                try await client.execute(uri: "/login", method: .get) {
                    seen.insert(try #require($0.headers[.requestID]))
                }
            }
            #expect(seen.count == 3)
        }
    }
}
